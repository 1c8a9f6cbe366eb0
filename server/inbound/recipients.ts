/**
 * What MAIL FROM and RCPT TO are answered. Who may be written to is decided here and while the sender is connected, so that nothing is
 * ever bounced to a stranger (design promise 1). We relay for nobody.
 */
import type { DomainName } from '../../dns/name.ts'
import { isWithin, parseDomainName } from '../../dns/name.ts'
import { type Address, addressKey, domainOf, localPartOf, parseAddress } from '../model/address.ts'
import type { EmailId, MailboxId } from '../model/ids.ts'
import type { Reply } from '../model/reply.ts'
import type { Db } from '../store/db.ts'
import { hostedDomains } from '../store/domains.ts'
import { emailById } from '../store/emails.ts'
import { mailboxById, stateOf } from '../store/mailboxes.ts'
import { type Taker, takersOf } from '../store/recipients.ts'

/** Why a mailbox gets what was sent to an address: it is its own; an alias; either of them with `+detail`; postmaster or abuse of a domain
 *  where nobody has that address; or any address of a domain that nobody else has. `return-path`: bounces of an email of
 *  the mailbox go there. `unsubscribe`: who got an email of the mailbox writes there to get no more. */
export type Via = 'return-path' | 'unsubscribe' | 'mailbox' | 'alias' | 'plus' | 'role' | 'catch-all'

/** An address that was given with RCPT TO and belongs to a mailbox of ours. */
export type Recipient = { forwardPath: Address; mailboxId: MailboxId; via: Via } & Signed

/** The email that a signed address was given out with: what comes there is of it. */
type Signed = { bounceOf?: EmailId; unsubscribeOf?: EmailId }

/** A mailbox that comes into question for an address. */
export type Candidate = { via: Via; id: MailboxId; state: Taker['state'] } & Signed

/** What is known of a forward-path before it is judged. `address` null: it is none we can read. */
export type RecipientFacts = { address: Address | null; domainIsOurs: boolean; candidates: readonly Candidate[] }

export type RecipientVerdict = { ok: true; recipient: Recipient } | { ok: false; reply: Reply }

const refused = (code: number, status: Reply['status'], text: string): { ok: false; reply: Reply } => ({
  ok: false,
  reply: { code, status, text },
})
const relaying = refused(550, '5.7.1', 'Relaying denied')
const nobody = refused(550, '5.1.1', 'No such mailbox here')

/** The first row that applies. (Too many recipients, 452 4.5.3, is answered before this is asked.) */
export function judgeRecipient(facts: RecipientFacts): RecipientVerdict {
  const { address, domainIsOurs } = facts
  if (address === null) return refused(553, '5.1.3', 'Address syntax not supported')
  if (!domainIsOurs) return relaying
  const taker = takerOf(address, facts.candidates)
  if (taker === undefined) return isRoute(address) ? relaying : nobody
  // For good or for a time is the difference between a letter that comes back and one that is tried again (RFC 3463 §3.3, X.2.1). A mailbox
  // that was deleted is answered like one that never was: senders strike such an address off their lists, and learn no more of it.
  if (taker.state === 'deleted') return nobody
  if (taker.state === 'suspended') return refused(450, '4.2.1', 'Mailbox suspended for now, try again later')
  const { id: mailboxId, state: _, ...how } = taker
  return { ok: true, recipient: { forwardPath: address, mailboxId, ...how } }
}

/** What is nearest to the address decides. So the mail of a suspended or a deleted mailbox is not handed to a catch-all, which
 *  is somebody else; only postmaster and abuse are answered by whoever can (RFC 5321 §4.5.1, RFC 2142 §4). */
function takerOf(address: Address, candidates: readonly Candidate[]): Candidate | undefined {
  const near = nearness.filter((step) => step === written || !isRoute(address)).flatMap((step) => at(step, candidates))
  return (isRole(address) ? near.find(({ state }) => state === 'active') : undefined) ?? near[0]
}

const written: readonly Via[] = ['mailbox', 'alias']
const nearness: readonly (readonly Via[])[] = [['return-path', 'unsubscribe'], written, ['plus'], ['role'], ['catch-all']]

/** An alias can have the address of a deleted mailbox, and of no other. */
const at = (step: readonly Via[], candidates: readonly Candidate[]): Candidate[] =>
  candidates.filter(({ via }) => step.includes(via)).toSorted((one, other) => Number(isDeleted(one)) - Number(isDeleted(other)))

const isDeleted = ({ state }: Candidate): boolean => state === 'deleted'

/** `ann%elsewhere@`, `elsewhere!ann@` and `"ann@elsewhere"@` ask some servers to send on (RFC 1123 §5.2.16). Here they name a mailbox or an alias
 *  that is written just so, or nobody: who tests for open relays must never see one accepted. */
const isRoute = (address: Address): boolean => /[@%!]/.test(localPartOf(address))

const roles: ReadonlySet<string> = new Set(['postmaster', 'abuse'])
const isRole = (address: Address): boolean => roles.has(localOf(addressKey(address)))
const localOf = (key: string): string => key.slice(0, key.lastIndexOf('@'))

/** Reads a signed address: with which email it was given out, `forged` when it never was, null for any other address. */
export type ReadSigned = (address: Address) => EmailId | 'forged' | null
/** Where bounces go, and where who wants no more mail writes to. */
export type SignedAddresses = { bounceOf?: ReadSigned | undefined; unsubscribeOf?: ReadSigned | undefined }

/** A return path that was never given out, or too long ago, is an address that nobody has: what comes to it answers mail that we did not send. */
async function signedFacts(
  db: Db,
  address: Address,
  named: EmailId | 'forged',
  use: 'bounceOf' | 'unsubscribeOf',
): Promise<RecipientFacts> {
  const email = named === 'forged' ? undefined : await emailById(db, named)
  const mailbox = email === undefined ? undefined : await mailboxById(db, email.mailbox_id)
  if (email === undefined || mailbox === undefined || mailbox.world !== 'live') return { address, domainIsOurs: true, candidates: [] }
  return { address, domainIsOurs: true, candidates: [{ via: vias[use], id: mailbox.id, state: stateOf(mailbox), [use]: email.id }] }
}

const vias = { bounceOf: 'return-path', unsubscribeOf: 'unsubscribe' } as const

/** Looks up what `judgeRecipient` needs: one statement (a second one only for a postmaster without a domain). */
export async function recipientFacts(db: Db, hostname: string, path: string, signed: SignedAddresses = {}): Promise<RecipientFacts> {
  const address = path.toLowerCase() === 'postmaster' ? await ownPostmaster(db, hostname) : parseAddress(path)
  if (address === null) return { address, domainIsOurs: true, candidates: [] }
  for (const use of ['bounceOf', 'unsubscribeOf'] as const) {
    const named = signed[use]?.(address) ?? null
    if (named !== null) return signedFacts(db, address, named, use)
  }
  const key = addressKey(address)
  const domain = domainOf(address)
  const base = `${withoutDetail(localOf(key))}@${domain}`
  const takers = await takersOf(db, { domain, keys: base === key ? [key] : [key, base], role: isRole(address) })
  if (takers === null) return { address, domainIsOurs: false, candidates: [] }
  return { address, domainIsOurs: true, candidates: takers.map((taker) => candidate(taker, key)) }
}

const candidate = ({ found, address, id, state }: Taker, key: string): Candidate => ({
  via: (found === 'mailbox' || found === 'alias') && address !== key ? 'plus' : found,
  id,
  state,
})

/** RFC 5233: `ann+detail` is `ann`. Nothing before the plus is no name. */
function withoutDetail(local: string): string {
  const plus = local.indexOf('+')
  return plus > 0 && !local.startsWith('"') ? local.slice(0, plus) : local
}

/** `RCPT TO:<postmaster>` without a domain: of the domain this host is named in, or else of the first. */
async function ownPostmaster(db: Db, hostname: string): Promise<Address | null> {
  const host = parseDomainName(hostname)
  const domains = await hostedDomains(db)
  const own = domains.find(({ name }) => host !== null && isWithin(host, name as DomainName)) ?? domains[0]
  return own === undefined ? null : parseAddress(`postmaster@${own.name}`)
}

export type SenderVerdict = { ok: true; reversePath: Address | null } | { ok: false; reply: Reply }

/** `MAIL FROM:<>` gives null (RFC 5321 §4.5.5). */
export function judgeSender(path: string): SenderVerdict {
  if (path === '') return { ok: true, reversePath: null }
  const reversePath = parseAddress(path)
  return reversePath === null ? refused(553, '5.1.7', 'Sender address syntax not supported') : { ok: true, reversePath }
}
