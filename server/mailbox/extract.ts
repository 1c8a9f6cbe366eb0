/**
 * The new text of a letter, without the history quoted below or between it and without a signature.
 *
 * Promise: linear in the length of the text, never throws, and never empty when there was text: then the whole is given.
 * The known package for this (email-reply-parser 2.3.9) was measured first: 12 KB of `Op x schreef` take it 3 s, growing with the
 * cube, and a sentence such as "From: the team <we@…>" ends the letter for it. Here every rule looks at one short piece of text at a time.
 */

/** Longer lines are prose, not markers. Also what keeps each expression's work small. */
const maxMarkerLength = 400
const maxSignatureLines = 20
const maxPhoneLines = 2

// "On … wrote:" in the languages of the programs people use: how the line begins, and the verb in it.
const attributionStart =
  /^(?:on|le|am|el|il|em|op|den|der|dne|dnia|w dniu|il giorno|på|vào|a las|pe|pada|ti|ma|to|ke|la|su|в|ср|пн|вт|чт|пт|сб|вс|在|\d{1,4}[./-])/iu
const attributionVerb =
  /(?:\bwrote|\ba écrit|écrit|\bschrieb\b|\bescribió|\bha scritto|\bescreveu|\bschreef\b|\bskrev\b|\bpisze|\bnapisał(?:\(a\))?|\bnapsal(?:\(a\))?|\bkirjoitti|\byazdı|\bírta|написал\(?а?\)?|пишет|写道|寫道|のメッセージ|작성)/iu
const hasDate = /\d/
const endsWithColon = /[:：]$/
// Gmail in some languages, and many phones: `2026-01-05 10:00 GMT+01:00 Bo <bo@remote.test>:`
const nameAndAddress = /<[^<>\s]+@[^<>\s]+>\s?[:：]$/

const originalMessage =
  /^[-_]{2,}\s?(?:original message|original appointment|reply message|ursprüngliche nachricht|originalnachricht|message d'origine|message original|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|ursprungligt meddelande|oprindelig meddelelse|pôvodná správa|исходное сообщение)\s?[-_]{2,}$/iu
const rule = /^[-_=]{5,}$/

// The header block Outlook puts above what is answered: From and Sent, then To or Subject.
const headerFrom = /^(?:from|von|de|da|van|från|fra|od|lähettäjä|от|发件人|寄件者|差出人)\s?[:：]/iu
const headerSent =
  /^(?:sent|date|gesendet|datum|envoyé|date d'envoi|enviado(?: el| em)?|enviada(?: em)?|fecha|data|inviato|verzonden|skickat|sendt|dato|wysłano|odesláno|lähetetty|отправлено|дата|发送时间|日期|送信日時)\s?[:：]/iu
const headerRest =
  /^(?:to|cc|subject|an|betreff|à|objet|para|asunto|assunto|a|oggetto|aan|onderwerp|till|ämne|til|emne|do|temat|komu|předmět|kopie|vastaanottaja|aihe|кому|тема|收件人|主题|主旨|宛先|件名)\s?[:：]/iu
const headerBlockLines = 8

const phoneSignature =
  /^(?:sent (?:from|via|with) |get outlook for |von meinem .{1,60} gesendet|gesendet (?:von|mit) |diese nachricht wurde von meinem |envoyé (?:de|depuis|à partir de) |télécharger outlook pour |enviado (?:desde|do meu) |inviato da |verzonden (?:vanaf|met|vanuit) |verstuurd vanaf |skickat från |sendt fra |wysłano z |lähetetty |отправлено (?:с|из) |发自我的)/iu

/** @param options.forwarded the letter passes another on: then what follows a header block is what it is about, and stays */
export function extractNewText(text: string, options: { forwarded?: boolean } = {}): string {
  const lines = text.replaceAll('\r\n', '\n').split('\n')
  const fresh = withoutSignature(withoutHistory(lines, options.forwarded ?? false))
    .join('\n')
    .trim()
  return fresh === '' ? text.trim() : fresh
}

/** As it came, and as its writer meant it. */
type Lines = { raw: readonly string[]; plain: readonly string[] }

function withoutHistory(raw: readonly string[], forwarded: boolean): string[] {
  const lines = { raw, plain: raw.map(plain) }
  const kept: string[] = []
  for (let at = 0; at < raw.length; at++) {
    const line = raw[at] ?? ''
    if (isQuoted(line)) continue
    if (!forwarded && startsOldLetter(lines, at)) return kept
    const attribution = attributionAt(lines, at)
    if (attribution === null) kept.push(line)
    // Quoted lines follow, and perhaps answers between them: only the line itself goes.
    else if (attribution.quoted) at += attribution.length - 1
    else if (!forwarded) return kept
    else kept.push(line)
  }
  return kept
}

const isQuoted = (line: string): boolean => /^ {0,3}>/.test(line)

/** A line as its writer meant it: our Markdown puts backslashes and asterisks into what came as HTML. */
const plain = (line: string): string =>
  line.length > maxMarkerLength ? '' : line.replace(/[*\\\u200e\u200f\u00a0]/g, (mark) => (mark === '\u00a0' ? ' ' : '')).trim()

/** The attribution that begins here. Programs wrap it, so up to three lines are read as one. `quoted`: it stands above quoted lines. */
function attributionAt(lines: Lines, at: number): { length: number; quoted: boolean } | null {
  let whole = ''
  for (let length = 1; length <= 3; length++) {
    const line = lines.plain[at + length - 1] ?? ''
    if (line === '' || isQuoted(line)) return null
    whole = whole === '' ? line : `${whole} ${line}`
    if (whole.length > maxMarkerLength) return null
    if (!endsWithColon.test(line)) continue
    const quoted = isQuoted(nextText(lines.raw, at + length))
    return isAttribution(whole, quoted) ? { length, quoted } : null
  }
  return null
}

/** Above quoted lines a verb or an address suffices; above anything else it must look the part wholly. */
function isAttribution(text: string, quoted: boolean): boolean {
  if (quoted) return attributionVerb.test(text) || nameAndAddress.test(text)
  return attributionStart.test(text) && attributionVerb.test(text) && hasDate.test(text)
}

function nextText(lines: readonly string[], from: number): string {
  for (let at = from; at < lines.length && at < from + 3; at++) if (lines[at]?.trim()) return lines[at] ?? ''
  return ''
}

/** From here on the letter that is answered stands unquoted: below a separator, or below its header fields. */
function startsOldLetter(lines: Lines, at: number): boolean {
  const line = lines.plain[at] ?? ''
  if (line === '') return false
  if (originalMessage.test(line)) return true
  if (rule.test(line)) return isHeaderBlock(lines, nextIndex(lines.raw, at + 1))
  return isHeaderBlock(lines, at)
}

function isHeaderBlock({ plain }: Lines, at: number): boolean {
  if (!headerFrom.test(plain[at] ?? '')) return false
  const block = plain.slice(at + 1, at + headerBlockLines)
  return block.some((line) => headerSent.test(line)) && block.some((line) => headerRest.test(line))
}

function nextIndex(lines: readonly string[], from: number): number {
  for (let at = from; at < lines.length && at < from + 3; at++) if (lines[at]?.trim()) return at
  return lines.length
}

/** RFC 3676 §4.3: `-- ` alone on a line; programs that trim lines leave `--`. Then what phones and Outlook add at the very end. */
function withoutSignature(lines: readonly string[]): string[] {
  const end = lines.length - trailingBlank(lines)
  for (let at = Math.max(0, end - maxSignatureLines - 1); at < end; at++) {
    const line = lines[at] ?? ''
    if (line === '-- ' || line === '--' || line === '\\-- ' || line === '\\--') return withoutPhoneLines(lines.slice(0, at))
  }
  return withoutPhoneLines(lines)
}

function withoutPhoneLines(lines: readonly string[]): string[] {
  let kept = lines.slice(0, lines.length - trailingBlank(lines))
  for (let count = 0; count < maxPhoneLines && isPhoneSignature(kept.at(-1) ?? ''); count++) {
    kept = kept.slice(0, -1)
    kept = kept.slice(0, kept.length - trailingBlank(kept))
  }
  return kept
}

function isPhoneSignature(line: string): boolean {
  const text = plain(line).replace(/^\[/, '')
  return text.length < 160 && phoneSignature.test(text)
}

function trailingBlank(lines: readonly string[]): number {
  let count = 0
  while (count < lines.length && (lines[lines.length - 1 - count] ?? '').trim() === '') count++
  return count
}
