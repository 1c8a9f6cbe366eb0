/** The outgoing checks over one content: subject, text, HTML, names and texts of attachments. */
import { setImmediate } from 'node:timers/promises'
import type { Finding } from '../model/finding.ts'
import { textOfHtml } from '../mailbox/attachment-text/plain.ts'
import { type Part, createFindings, tooManySeen } from '../oversight/checks/check.ts'
import { typeByContent } from '../model/file-type.ts'
import type { AttachmentInput, Content } from './content.ts'
import type { SubmissionDeps } from './submission.ts'

type LookDeps = Pick<SubmissionDeps, 'clock' | 'log' | 'readText' | 'mostSeen'>

/** Characters of all attachments of one email; what is behind is not looked at, and that is a finding. */
const roomForTexts = 2_000_000
const longestAtOnceHtml = 64 * 1024
/** For the files of one email together. */
const mostTimeMs = 30_000

/** Where a finding stands in it, `where` begins so. */
export const theSubject = 'the subject'

type Findings = ReturnType<typeof createFindings>

/** @param html what its Markdown was rendered to. @returns what was found; `[]`: all of it was looked at, and nothing found */
export async function lookAt(deps: LookDeps, content: Content, html: string): Promise<Finding[]> {
  const found = createFindings()
  try {
    const many = tooManySeen(content.to.length + content.cc.length, deps.mostSeen ?? Infinity)
    if (many !== null) found.add(many)
    await look(found, { name: theSubject, text: content.subject })
    await look(found, { name: 'the text', text: content.markdown })
    await lookAtHtml(deps, found, html)
    await lookAtFiles(deps, found, content.attachments)
  } catch (error) {
    deps.log.error({ err: error }, 'check.failed')
    found.add({ kind: 'not_looked_at', where: 'the email: a check failed', excerpt: null })
  }
  return found.all()
}

/** @returns whether something was found */
async function look(found: Findings, part: Part, how = { repeats: false }): Promise<boolean> {
  let slices = 0
  let hits = 0
  for (const inSlice of found.look(part, how)) {
    slices += 1
    hits += inSlice
    // Nobody waits for more than one slice of it.
    if (slices > 1) await setImmediate()
  }
  return hits > 0
}

/** What Markdown hides: a number whose digits are set in two types, a character written as an entity. */
async function lookAtHtml(deps: LookDeps, found: Findings, html: string): Promise<void> {
  const bytes = Buffer.from(html)
  const task = { bytes, contentType: 'text/html', mostCharacters: roomForTexts }
  const text =
    bytes.length <= longestAtOnceHtml
      ? textOfHtml(task)
      : await deps.readText?.(task).then((read) => (read.ok && !read.value.isCut ? read.value : undefined))
  if (text === undefined) found.add({ kind: 'not_looked_at', where: 'the text as it will be shown', excerpt: null })
  else await look(found, { name: 'the text as it will be shown', text: text.text }, { repeats: true })
  await look(found, { name: 'the HTML', text: html, isHtml: true }, { repeats: true })
}

async function lookAtFiles({ readText, clock }: LookDeps, found: Findings, files: readonly AttachmentInput[]): Promise<void> {
  const until = clock.now() + mostTimeMs
  let room = roomForTexts
  for (const [index, { name, contentType, content }] of files.entries()) {
    const isTelling = await look(found, { name: `the name of attachment ${index + 1}`, text: name })
    // Where a finding stands is kept as it is, and what was found is only kept masked.
    const called = isTelling ? `attachment ${index + 1}` : `attachment ${index + 1} (${name})`
    if (content.length === 0) continue
    const notLookedAt = (why: string): void => found.add({ kind: 'not_looked_at', where: `${called}: ${why}`, excerpt: null })
    if (readText === undefined || room <= 0 || clock.now() >= until) {
      notLookedAt('there is more in the attachments than is looked at')
      continue
    }
    const read = await readText({ bytes: content, contentType, mostCharacters: room })
    if (!read.ok) {
      notLookedAt(whyNot[read.code])
      continue
    }
    const { text, isCut } = read.value
    room = isCut ? 0 : room - text.length
    await look(found, { name: called, text })
    if (isCut) notLookedAt('it is longer than what is looked at')
    if (/html|svg/i.test(contentType) || /\.(?:x?html?|svg)$/i.test(name) || typeByContent(content) === 'text/html')
      await lookAtMarkup(found, called, content, notLookedAt)
  }
}

const whyNot = {
  ATTACHMENT_ENCRYPTED: 'it is encrypted',
  ATTACHMENT_NO_TEXT: 'it is no file whose text can be read here',
  ATTACHMENT_UNREADABLE: 'it cannot be read',
  UNAVAILABLE: 'too many files were being read',
} as const

/** The source of a page, for what it would fetch. */
async function lookAtMarkup(found: Findings, name: string, content: Buffer, notLookedAt: (why: string) => void): Promise<void> {
  if (content.length > roomForTexts) return notLookedAt('it is longer than what is looked at')
  await look(found, { name: `${name}, its source`, text: content.toString('latin1'), isHtml: true }, { repeats: true })
}
