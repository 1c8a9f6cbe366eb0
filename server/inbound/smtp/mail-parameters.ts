/** What a sender may ask for with MAIL: exactly what EHLO announces. */
import type { Reply } from '../../model/reply.ts'
import { tooLarge } from './intake.ts'
import type { PathArgument } from './path.ts'

/** `size`: octets announced, 0 for none (RFC 1870). `utf8`: RFC 6531. `requireTls`: RFC 8689. */
export type MailOptions = { size: number; utf8: boolean; requireTls: boolean }

export type JudgedOptions = { ok: true; options: MailOptions } | { ok: false; reply: Reply }

const refused = (code: number, status: Reply['status'], text: string): { ok: false; reply: Reply } => ({
  ok: false,
  reply: { code, status, text },
})

const known: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8', 'REQUIRETLS'])
/** RFC 6152. BINARYMIME (RFC 3030) is not offered: what is stored has lines. */
const bodies: ReadonlySet<string> = new Set(['7BIT', '8BITMIME'])
/** RFC 1870 §3 */
const sizeValue = /^\d{1,20}$/

const badValue = (name: string): { ok: false; reply: Reply } => refused(501, '5.5.4', `Bad value of ${name}`)

export const unknownParameter: Reply = { code: 555, status: '5.5.4', text: 'Parameter not recognized' }

/** @param secure whether the session is encrypted: REQUIRETLS is a lie where it is not (RFC 8689 §3) */
export function judgeMailOptions(
  parameters: PathArgument['parameters'],
  { secure, maxMessageBytes }: { secure: boolean; maxMessageBytes: number },
): JudgedOptions {
  for (const name of parameters.keys()) if (!known.has(name)) return { ok: false, reply: unknownParameter }
  const size = parameters.get('SIZE')
  if (size === null || (size !== undefined && !sizeValue.test(size))) return badValue('SIZE')
  if (Number(size ?? 0) > maxMessageBytes) return { ok: false, reply: tooLarge(maxMessageBytes) }
  const body = parameters.get('BODY')
  if (body === null || (body !== undefined && !bodies.has(body.toUpperCase()))) return badValue('BODY')
  for (const flag of ['SMTPUTF8', 'REQUIRETLS'])
    if (typeof parameters.get(flag) === 'string') return refused(501, '5.5.4', `${flag} takes no value`)
  const requireTls = parameters.has('REQUIRETLS')
  if (requireTls && !secure) return refused(530, '5.7.10', 'REQUIRETLS needs STARTTLS first')
  return { ok: true, options: { size: Number(size ?? 0), utf8: parameters.has('SMTPUTF8'), requireTls } }
}
