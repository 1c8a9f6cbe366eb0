/** How one session behaves: counted from its commands and our replies, judged by a table. Pure. */
import type { Reply } from '../../model/reply.ts'
import type { Offence } from './offences.ts'

/** What counted so far. `errors` and `junk` since the last accepted message; `commands` says only whether there was one. */
export type Manners = {
  commands: 0 | 1
  errors: number
  junk: number
  refusedRecipients: number
  badTransactions: number
  accepted: boolean
  /** after MAIL, until the message, a RSET or another EHLO */
  inTransaction: boolean
}

export const atFirst: Manners = {
  commands: 0,
  errors: 0,
  junk: 0,
  refusedRecipients: 0,
  badTransactions: 0,
  accepted: false,
  inTransaction: false,
}

/** Up to `free` of a kind go unpunished, each further one waits `delayMs`, and the `most`th is the last. */
type Patience = { free: number; delayMs: number; most: number }
export type Tolerance = Readonly<Record<'errors' | 'junk' | 'refusedRecipients' | 'badTransactions', Patience>>

/** Postfix's numbers for errors and junk, Stalwart's for recipients, Mox's for transactions. Junk and transactions do not wait: they cost us little. */
export const calmTolerance: Tolerance = {
  errors: { free: 10, delayMs: 1_000, most: 20 },
  junk: { free: 100, delayMs: 0, most: 100 },
  refusedRecipients: { free: 5, delayMs: 5_000, most: 100 },
  badTransactions: { free: 10, delayMs: 0, most: 10 },
}

/** The first error is the last (Postfix's stress mode), and nobody waits: it is places that are short. A list may have an old address or two. */
export const strainedTolerance: Tolerance = {
  errors: { free: 1, delayMs: 0, most: 1 },
  junk: { free: 10, delayMs: 0, most: 10 },
  refusedRecipients: { free: 5, delayMs: 0, most: 5 },
  badTransactions: { free: 1, delayMs: 0, most: 1 },
}

const offenceOf: Readonly<Record<keyof Tolerance, Offence>> = {
  errors: 'errors',
  junk: 'junk',
  refusedRecipients: 'guessing',
  badTransactions: 'bad-transactions',
}

export type Step = { manners: Manners; delayMs: number; offence: Offence | null }

/** Whoever begins with none of these talks to the wrong server: HTTP, TLS, a port scan. */
const smtpVerbs: ReadonlySet<string> = new Set(
  'EHLO HELO LHLO STARTTLS AUTH MAIL RCPT DATA BDAT RSET NOOP QUIT VRFY EXPN HELP ETRN XCLIENT XFORWARD'.split(' '),
)
/** What each message needs. Everything else leads nowhere, and so does a hello that is not the first word. */
const usefulVerbs: ReadonlySet<string> = new Set('STARTTLS MAIL RCPT DATA BDAT QUIT'.split(' '))

type Counted = 'errors' | 'junk' | 'refusedRecipients'
type Row = { when(command: string, reply: Reply): boolean; counts: Counted | null }

const isBad = ({ code }: Reply): boolean => code >= 400

/** What a reply says about whoever gets it; the first row that applies. */
const rows: readonly Row[] = [
  { when: (command, reply) => !isBad(reply) && usefulVerbs.has(command), counts: null },
  { when: (_command, reply) => !isBad(reply), counts: 'junk' },
  // 4.3.x is our own trouble (RFC 3463 §3.4), and 421 ends the session anyway.
  { when: (_command, { code, status }) => code === 421 || status?.startsWith('4.3.') === true, counts: null },
  // RFC 5321 §4.5.3.1.10: more recipients than fit is how a sender learns how many do.
  { when: (_command, { code, status }) => code === 452 && status === '4.5.3', counts: null },
  // Too much at this moment: who goes on asking is not a bad sender, and not one to be listened to for ever.
  { when: (command, { code, status }) => command === 'MAIL' && code === 451 && status === '4.7.1', counts: 'junk' },
  // Pipelined behind a MAIL or behind recipients that were refused; that was counted already.
  { when: (command, { code }) => ['RCPT', 'DATA', 'BDAT'].includes(command) && code === 503, counts: 'junk' },
  { when: (command, { code }) => ['DATA', 'BDAT'].includes(command) && code === 554, counts: 'junk' },
  { when: (command, { code }) => command === 'RCPT' && code >= 500, counts: 'refusedRecipients' },
  { when: () => true, counts: 'errors' },
]

/** After a command and before its reply is sent. @param command the verb in capitals, '' for what is none */
export function afterReply(before: Manners, command: string, reply: Reply, tolerance: Tolerance): Step {
  const manners: Manners = { ...before, commands: 1 }
  if (before.commands === 0 && !smtpVerbs.has(command)) return { manners, delayMs: 0, offence: 'not-smtp' }
  const isGoodStart = before.commands === 0 && !isBad(reply)
  const counts = isGoodStart ? null : (rows.find((row) => row.when(command, reply))?.counts ?? null)
  if (counts !== null) manners[counts] += 1
  const abandoned = before.inTransaction && !isBad(reply) && abandoning.has(command)
  if (abandoned) manners.badTransactions += 1
  manners.inTransaction = !isBad(reply) && command === 'MAIL' ? true : before.inTransaction && !abandoned
  return judged(manners, [counts, abandoned ? 'badTransactions' : null], tolerance)
}
const abandoning: ReadonlySet<string> = new Set(['RSET', 'EHLO', 'HELO', 'STARTTLS', 'QUIT'])

/** After a whole message and before its reply is sent. An accepted one makes up for errors, as in Postfix; never for guessed names. */
export function afterMessage(before: Manners, reply: Reply, tolerance: Tolerance): Step {
  const over = { ...before, inTransaction: false }
  if (!isBad(reply)) return { manners: { ...over, errors: 0, junk: 0, accepted: true }, delayMs: 0, offence: null }
  if (reply.status?.startsWith('4.3.') === true) return { manners: over, delayMs: 0, offence: null }
  const manners = { ...over, errors: over.errors + 1, badTransactions: over.badTransactions + 1 }
  return judged(manners, ['errors', 'badTransactions'], tolerance)
}

/** What the kinds that just went up lead to. */
function judged(manners: Manners, kinds: readonly (keyof Tolerance | null)[], tolerance: Tolerance): Step {
  const step: Step = { manners, delayMs: 0, offence: null }
  for (const kind of kinds) {
    if (kind === null || (kind === 'badTransactions' && manners.accepted)) continue
    const { free, delayMs, most } = tolerance[kind]
    if (manners[kind] > free) step.delayMs = Math.max(step.delayMs, delayMs)
    if (manners[kind] >= most) step.offence ??= offenceOf[kind]
  }
  return step
}
