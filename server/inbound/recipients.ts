/**
 * What MAIL FROM and RCPT TO are answered. Who may be written to is decided here and while the sender is connected, so that nothing is
 * ever bounced to a stranger (design promise 1). We relay for nobody.
 */
import type { DomainName } from '../../dns/name.ts'
import { isWithin, parseDomainName } from '../../dns/name.ts'
import { type Address, addressKey, domainOf, localPartOf, parseAddress } from '../model/address.ts'
import type { MailboxId } from '../model/ids.ts'
import type { Reply } from '../model/reply.ts'
import type { Db } from '../store/db.ts'
import { domainByName, listDomains } from '../store/domains.ts'
import { liveMailboxAt, oldestMailboxOf } from '../store/mailboxes.ts'

/** An address that was given with RCPT TO and belongs to a mailbox of ours. */
export type Recipient = { forwardPath: Address; mailboxId: MailboxId }

/** What is known of a forward-path before it is judged. `address` null: it is none we can read. */
export type RecipientFacts = {
  address: Address | null
  domainIsOurs: boolean
  mailbox: { id: MailboxId; isActive: boolean } | null
}

export type RecipientVerdict = { ok: true; recipient: Recipient } | { ok: false; reply: Reply }

const refused = (code: number, status: Reply['status'], text: string): { ok: false; reply: Reply } => ({
  ok: false,
  reply: { code, status, text },
})

/** The first row that applies. (Too many recipients, 452 4.5.3, is answered before this is asked.) */
export function judgeRecipient(facts: RecipientFacts): RecipientVerdict {
  const { address, domainIsOurs, mailbox } = facts
  if (address === null) return refused(553, '5.1.3', 'Address syntax not supported')
  if (!domainIsOurs) return refused(550, '5.7.1', 'Relaying denied')
  if (mailbox === null) return refused(550, '5.1.1', 'No such mailbox here')
  if (!mailbox.isActive) return refused(550, '5.2.1', 'Mailbox disabled')
  return { ok: true, recipient: { forwardPath: address, mailboxId: mailbox.id } }
}

/** Looks up what `judgeRecipient` needs. `local+detail` goes to the mailbox `local` unless it has one of its own (RFC 5233).
 *  `postmaster` always finds a mailbox where there is one (RFC 5321 §4.5.1): without one of its own, the oldest of the domain takes it. */
export async function recipientFacts(db: Db, hostname: string, path: string): Promise<RecipientFacts> {
  const address = path.toLowerCase() === 'postmaster' ? await ownPostmaster(db, hostname) : parseAddress(path)
  if (address === null) return { address, domainIsOurs: true, mailbox: null }
  const domain = await domainByName(db, domainOf(address))
  if (domain === undefined) return { address, domainIsOurs: false, mailbox: null }
  const local = localPartOf(address).toLowerCase()
  const row =
    (await liveMailboxAt(db, addressKey(address))) ??
    (local.includes('+') ? await liveMailboxAt(db, `${local.slice(0, local.indexOf('+'))}@${domain.name}`) : undefined) ??
    (local === 'postmaster' ? await oldestMailboxOf(db, domain.id) : undefined)
  return { address, domainIsOurs: true, mailbox: row === undefined ? null : { id: row.id, isActive: row.is_active === 1 } }
}

/** `RCPT TO:<postmaster>` without a domain: of the domain this host is named in, or else of the first. */
async function ownPostmaster(db: Db, hostname: string): Promise<Address | null> {
  const host = parseDomainName(hostname)
  const domains = await listDomains(db)
  const own = domains.find(({ name }) => host !== null && isWithin(host, name as DomainName)) ?? domains[0]
  return own === undefined ? null : parseAddress(`postmaster@${own.name}`)
}

/** The ESMTP parameters we announce, and so understand. */
const mailParameters: ReadonlySet<string> = new Set(['SIZE', 'BODY', 'SMTPUTF8'])
const unknownParameter = refused(555, '5.5.4', 'Parameter not recognized')

/** `MAIL FROM:<>` gives null (RFC 5321 §4.5.5). @param parameters the keywords behind the path */
export function judgeSender(
  path: string,
  parameters: readonly string[],
): { ok: true; reversePath: Address | null } | { ok: false; reply: Reply } {
  if (!parameters.every((name) => mailParameters.has(name))) return unknownParameter
  if (path === '') return { ok: true, reversePath: null }
  const reversePath = parseAddress(path)
  return reversePath === null ? refused(553, '5.1.7', 'Sender address syntax not supported') : { ok: true, reversePath }
}

/** RCPT TO has no parameters here: DSN (RFC 3461) is not announced. */
export const judgeRecipientParameters = (parameters: readonly string[]): { ok: true } | { ok: false; reply: Reply } =>
  parameters.length === 0 ? { ok: true } : unknownParameter
