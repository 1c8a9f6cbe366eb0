/** The outgoing checks over one content: subject, text, HTML, names and texts of attachments. */
import { setImmediate } from 'node:timers/promises'
import type { Finding } from '../model/finding.ts'
import { decoded, textOfHtml } from '../mailbox/attachment-text/plain.ts'
import { type Part, createFindings, tooManySeen } from '../oversight/checks/check.ts'
import { endingsOf, pages } from '../model/file-names.ts'
import { isPage, typeByContent } from '../model/file-type.ts'
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
    const until = deps.clock.now() + mostTimeMs
    await lookAtHtml(deps, found, html, until)
    await lookAtFiles(deps, found, content.attachments, until)
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
async function lookAtHtml(deps: LookDeps, found: Findings, html: string, until: number): Promise<void> {
  const bytes = Buffer.from(html)
  const task = { bytes, contentType: 'text/html', mostCharacters: roomForTexts }
  const text =
    bytes.length <= longestAtOnceHtml
      ? textOfHtml(task)
      : await readBefore(deps, task, until).then((read) => (read.ok && !read.value.isCut ? read.value : undefined))
  if (text === undefined) found.add({ kind: 'not_looked_at', where: 'the text as it will be shown', excerpt: null })
  else await look(found, { name: 'the text as it will be shown', text: text.text }, { repeats: true })
  // Rendering makes links of pictures, so there is nothing in it that would be fetched.
  await look(found, { name: 'the HTML', text: html }, { repeats: true })
}

type Task = Parameters<NonNullable<LookDeps['readText']>>[0]

/** Those who read for others are waited for no longer than for files. @param until epoch ms */
async function readBefore({ readText, clock }: LookDeps, task: Task, until: number): ReturnType<NonNullable<LookDeps['readText']>> {
  if (readText === undefined) return { ok: false, code: 'UNAVAILABLE' }
  const { promise, resolve } = Promise.withResolvers<{ ok: false; code: 'UNAVAILABLE' }>()
  const alarm = clock.at(until, () => resolve({ ok: false, code: 'UNAVAILABLE' }))
  try {
    return await Promise.race([readText(task), promise])
  } finally {
    alarm.cancel()
  }
}

async function lookAtFiles(deps: LookDeps, found: Findings, files: readonly AttachmentInput[], until: number): Promise<void> {
  let room = roomForTexts
  for (const [index, { name, contentType, content }] of files.entries()) {
    const isTelling = await look(found, { name: `the name of attachment ${index + 1}`, text: name })
    // Where a finding stands is kept as it is, and what was found is only kept masked.
    const called = isTelling ? `attachment ${index + 1}` : `attachment ${index + 1} (${name})`
    if (content.length === 0) continue
    const notLookedAt = (why: string): void => found.add({ kind: 'not_looked_at', where: `${called}: ${why}`, excerpt: null })
    if (deps.readText === undefined || room <= 0 || deps.clock.now() >= until) {
      notLookedAt('there is more in the attachments than is looked at')
      continue
    }
    const read = await readBefore(deps, { bytes: content, contentType, mostCharacters: room }, until)
    if (!read.ok) {
      notLookedAt(whyNot[read.code])
      continue
    }
    const { text, isCut, isDoubtful } = read.value
    room = isCut ? 0 : room - text.length
    await look(found, { name: called, text })
    if (isCut) notLookedAt('it is longer than what is looked at')
    if (isDoubtful) notLookedAt('it is hardly a text, or in no encoding known here')
    if (isMessage(name, contentType)) notLookedAt('what is in a message that is attached is not taken apart')
    if (mayBePage(name, contentType, content)) await lookAtMarkup(found, called, content, notLookedAt)
  }
}

/** Its parts are encoded each for itself (RFC 2045 §6). */
const isMessage = (name: string, contentType: string): boolean =>
  /^(?:message|multipart)\//i.test(contentType) || ['eml', 'mht', 'mhtml', 'msg'].includes(endingOf(name))

function mayBePage(name: string, contentType: string, content: Buffer): boolean {
  const real = typeByContent(content)
  return isPage(contentType) || pages.has(endingOf(name)) || (real !== null && isPage(real))
}

const endingOf = (name: string): string => endingsOf(name).at(-1) ?? ''

const whyNot = {
  ATTACHMENT_ENCRYPTED: 'it is encrypted',
  ATTACHMENT_NO_TEXT: 'it is no file whose text can be read here',
  ATTACHMENT_UNREADABLE: 'it cannot be read',
  UNAVAILABLE: 'too many files were being read',
} as const

/** The source of a page, for what it would fetch. */
async function lookAtMarkup(found: Findings, name: string, content: Buffer, notLookedAt: (why: string) => void): Promise<void> {
  if (content.length > roomForTexts) return notLookedAt('it is longer than what is looked at')
  await look(found, { name: `${name}, its source`, text: decoded(content, roomForTexts).text, isHtml: true }, { repeats: true })
}
