/**
 * Looks at what a message says and hides, in the worker: signs of spam, of fraud, and of instructions that are meant for an agent. Pure: no store,
 * no network, no clock, no language model. Linear in the length of the message; every input has a limit.
 *
 * It is no gate. Whoever knows these tables can write around them; what an agent may do is decided elsewhere (server/oversight). It finds what is
 * sent to everybody, and shows a reviewer what was hidden. docs/content-signals.md has the figures.
 */
import type { ParsedMessage, TextSource } from '../message/parsed-message.ts'
import { cleanText, cut } from '../message/text.ts'
import { saysOtherwise } from './alternative.ts'
import { judgeAttachments } from './attachments.ts'
import { judgeAuthorFields } from './author.ts'
import { judgeElements } from './chat-markup.ts'
import { type Evidence, createEvidence } from './evidence.ts'
import type { ContentFindings } from './findings.ts'
import { judgeLinks, linksIn } from './links.ts'
import { registeredName } from './look-alike.ts'
import type { Reading } from './readable-text.ts'
import { judgeShape } from './shape.ts'
import type { SignalCode } from './signals.ts'
import { judgeText } from './text-signs.ts'
import { readWords } from './words.ts'

/** The readable message, what its text was made from and how that reads. `subject` as written, before anything invisible was taken out. */
export type ScannedMessage = { parsed: ParsedMessage; source: TextSource; reading: Reading; subject: string }

/** Characters of hidden text that are kept for the reviewer. */
const maxHidden = 16 * 1024
/** A preview line in the newsletters we know has up to 150 characters. */
const longestPreview = 250
/** Bytes of text attachments that are read for instructions. */
const maxOfAttachment = 64 * 1024
const maxOfAttachments = 128 * 1024
/** Characters: who sends a locked archive says how to open it at once. */
const shortLetter = 5_000

export function scanContent(message: ScannedMessage): ContentFindings {
  const { parsed, source, reading, subject } = message
  const evidence = createEvidence()
  const authorDomain =
    parsed.from === null ? null : (registeredName(parsed.from.address.slice(parsed.from.address.lastIndexOf('@') + 1))?.domain ?? null)
  const isUnseen = reading.from === 'plain' && reading.html !== null && saysOtherwise(reading.said, everythingIn(reading))
  if (isUnseen) evidence.add('alternative-differs')
  const decoded = [
    judgeText(`${subject}\n\n${reading.said}`, isUnseen ? 'hidden' : 'shown', evidence),
    judgeText(textOfNames(parsed), 'shown', evidence),
    judgeText(textOfAttachments(parsed), 'shown', evidence),
  ]
  // What a person is shown counts as well, when it is something else.
  if (isUnseen && reading.html !== null) decoded.push(judgeText(reading.html.markdown, 'shown', evidence))
  if (reading.html !== null) decoded.push(judgeHidden(reading.html, evidence))
  judgeLinks({ links: [...linksIn(reading.from === 'plain' ? reading.said : ''), ...(reading.html?.links ?? [])], authorDomain }, evidence)
  judgeAuthorFields(parsed, evidence)
  judgeShape(
    {
      subject: parsed.subject,
      plainCharacters: source.plain.trim().length,
      html: reading.html,
      htmlLength: source.html.length,
      hasAttachments: parsed.attachments.some(({ isInline }) => !isInline),
    },
    evidence,
  )
  judgeAttachments(parsed.attachments, evidence)
  if (evidence.has('attachment-encrypted') && givesPassword(reading.said)) evidence.add('attachment-password')
  return { reasons: evidence.reasons(), hidden: hiddenFrom(reading, decoded) }
}

const givesPassword = (text: string): boolean => readWords(text.slice(0, shortLetter)).tokens.some(({ meaning }) => meaning === 'secret')

type Html = NonNullable<Reading['html']>

const everythingIn = ({ html }: Reading): string => (html === null ? '' : `${html.markdown}\n${html.hidden.text}\n${html.hidden.unseen}`)

function judgeHidden(html: Html, evidence: Evidence): string {
  const { hidden, form, strangeElements } = html
  if (hidden.characters > 0) evidence.add(kindOfHiding(html), { detail: hidden.text })
  if (form !== 'none') evidence.add(form === 'password' ? 'password-form' : 'form')
  judgeElements(strangeElements, evidence)
  return judgeText(`${hidden.text}\n\n${hidden.aside.text}\n\n${hidden.unseen}`, 'hidden', evidence)
}

/** Newsletters hide a preview line, and what they say again for telephones; nobody honest has ink in the colour of the paper. */
function kindOfHiding({ hidden, markdown }: Html): SignalCode {
  const { characters, leading, means, text } = hidden
  if (leading === characters && characters <= longestPreview) return 'hidden-preview'
  if (saysOtherwise(text, markdown)) return 'hidden-letter'
  const inked = means.filter(([by]) => by === 'colour' || by === 'size' || by === 'position' || by === 'opacity' || by === 'clipping')
  return inked.reduce((sum, [, count]) => sum + count, 0) - leading > 20 ? 'hidden-ink' : 'hidden-text'
}

const textOfNames = ({ from, replyTo, attachments }: ParsedMessage): string =>
  [from?.name, ...replyTo.slice(0, 3).map(({ name }) => name), ...attachments.slice(0, 20).map(({ name }) => name)]
    .filter((name) => name !== undefined)
    .join('\n\n')

const isText = /^text\/|^application\/(?:json|xml)/

function textOfAttachments({ attachments }: ParsedMessage): string {
  let room = maxOfAttachments
  const texts: string[] = []
  for (const { content, contentType } of attachments) {
    if (room <= 0 || !isText.test(contentType)) continue
    const length = Math.min(content.byteLength, maxOfAttachment, room)
    texts.push(Buffer.from(content.buffer, content.byteOffset, length).toString('utf8'))
    room -= length
  }
  return texts.join('\n\n')
}

function hiddenFrom({ html }: Reading, decoded: readonly string[]): ContentFindings['hidden'] {
  const says = decoded.filter((text) => text !== '').join('\n')
  const characters = (html === null ? 0 : html.hidden.characters + html.hidden.aside.characters) + says.length
  if (characters === 0) return null
  const text = [html?.hidden.text ?? '', html?.hidden.aside.text ?? '', says].filter((part) => part !== '').join('\n\n')
  return { characters, text: cut(cleanText(text), maxHidden) }
}
