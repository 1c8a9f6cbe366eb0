/** What a forwarded email takes from the one it passes on. Pure. */
import { headerAddresses } from '../store/emails.ts'
import type { EmailRow } from '../store/emails.ts'
import { type HeaderAddress } from '../model/email.ts'
import { maxSubjectLength } from '../model/letter-limits.ts'
import { headerText } from './fields.ts'

/** `Fwd: ` once. */
export function forwardSubject(subject: string): string {
  const plain = headerText(subject)
  const marked = /^(?:fwd?|wg|tr)\s*:/i.test(plain) ? plain : `Fwd: ${plain}`
  return marked.slice(0, maxSubjectLength).toWellFormed().trim()
}

/** The note, and below it who wrote the email, when and to whom, and its text. Every line of it is quoted, whatever it holds: what stands outside of the
 *  quotation is the note's. Bcc stays out. */
export function quoted(note: string, email: EmailRow): string {
  const head = [
    '**Forwarded message**',
    `From: ${shown({ address: email.from_address, ...(email.from_name !== null && { name: email.from_name }) })}`,
    `Date: ${new Date(email.sent_at ?? email.received_at).toUTCString()}`,
    `Subject: ${headerText(email.subject)}`,
    `To: ${people(email.to_json)}`,
    ...(email.cc_json === '[]' ? [] : [`Cc: ${people(email.cc_json)}`]),
  ]
  const text = email.markdown.split(/\r\n?|[\n\u2028\u2029\u0085\v\f]/)
  const lines = [...head, '', ...text].map((line) => (line === '' ? '>' : `> ${line}`)).join('\n')
  return note.trim() === '' ? lines : `${note.trimEnd()}\n\n${lines}`
}

const people = (json: string): string => headerAddresses(json).map(shown).join(', ')
const shown = ({ address, name }: HeaderAddress): string => headerText(name ? `${name} <${address}>` : address)
