/**
 * Unsubscribing (RFC 2369, RFC 8058): mail that begins a conversation carries a link in its header by which its recipient ends it, with one click, and
 * an address of this server for mail programs that know no links.
 *
 * Promises: either names one email and so one recipient, nobody can guess one, and it changes nothing until somebody posts or writes to it; then that
 * address is on the suppression list. An unknown link is answered like a known one, and an unknown address like one that nobody has.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SystemActor } from '../../model/actor.ts'
import { type Address, localPartOf } from '../../model/address.ts'
import { type EmailId, isId } from '../../model/ids.ts'
import type { Store, Tx } from '../../store/db.ts'
import { tenancyOf } from '../../store/email-record.ts'
import { emailById } from '../../store/emails.ts'
import { namedPaths } from '../copies.ts'
import { type NewLogEntry, appendLogs } from '../../store/log.ts'
import { type Suppressed, notSuppressed, suppress } from '../suppression/suppression.ts'

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** The path of the link (contract §5.8), before the token. */
const unsubscribePath = '/v1/unsubscribe/'

const tokenShape = /^([0-9A-HJKMNP-TV-Z]{26})\.([0-9a-f]{32})$/

/** 128 bits of HMAC over the email's id. Without an end: a message may be read years later. */
export const unsubscribeToken = (secret: string, email: EmailId): string => {
  const name = email.slice('em_'.length)
  return `${name}.${macOf(secret, name)}`
}

const macOf = (secret: string, name: string): string =>
  createHmac('sha256', secret).update(`unsubscribe\0${name}`).digest('hex').slice(0, 32)

/** The email that a token was made for; null for any other text. */
export function readUnsubscribeToken(secret: string, token: string): EmailId | null {
  const [, name = '', mac = ''] = tokenShape.exec(token) ?? []
  if (name === '' || !timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(secret, name)))) return null
  const id = `em_${name}`
  return isId('email', id) ? id : null
}

/** Where a recipient unsubscribes: each a URI, or null where there can be none. */
export type UnsubscribeUris = { https: string | null; mailto: string | null }

/** @property host where mail comes to this server whatever its domains are: its own name; null: it gets none. @property secret of this installation */
type Links = { publicUrl: string; host: string | null; secret: string }

/** How links are made. RFC 8058 §3.1 wants https, and a server that is only tried out has no public URL. */
export function unsubscribeLinks({ publicUrl, host, secret }: Links): (email: EmailId) => UnsubscribeUris {
  const base = new URL(publicUrl)
  const isPublic = base.protocol === 'https:' && base.hostname !== 'localhost'
  return (email) => ({
    https: isPublic ? new URL(unsubscribePath + unsubscribeToken(secret, email), base.origin).href : null,
    mailto: host === null ? null : `mailto:${unsubscribeLocalPart(secret, email)}@${host}?subject=unsubscribe`,
  })
}

// Hosts on the way may write a local part in capitals or small letters, so neither carries meaning.
const localPartShape = /^u-([0-9a-z]{26})\.([0-9a-f]{32})$/

/** 61 octets of the 64 there may be (RFC 5321 §4.5.3.1.1). */
const unsubscribeLocalPart = (secret: string, email: EmailId): string => `u-${unsubscribeToken(secret, email).toLowerCase()}`

/** The email whose recipient writes to this address for no more mail; `forged` when it only looks so; null for any other address. */
export function readUnsubscribeAddress(secret: string, address: Address): EmailId | 'forged' | null {
  const [, name = '', mac = ''] = localPartShape.exec(localPartOf(address).toLowerCase()) ?? []
  return mac === '' ? null : (readUnsubscribeToken(secret, `${name.toUpperCase()}.${mac}`) ?? 'forged')
}

/** An answer continues what its reader began; of several recipients one link could not say who is meant. */
export const mayCarryLink = ({ inReplyTo, recipients }: { inReplyTo: string | null; recipients: number }): boolean =>
  inReplyTo === null && recipients === 1

/** Puts whom the token's email went to on the suppression list. @param now epoch ms. @returns false when it is a token of ours for nothing that was sent */
export function unsubscribe(store: Store, email: EmailId, now: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const done = await suppressRecipient(tx, email, now)
    await appendLogs(tx, done.entries)
    return done.suppressed
  })
}

/** The same for who wrote to its address. @returns what goes on the record, at the end of the transaction */
export const onUnsubscribe = async (tx: Tx, email: EmailId, now: number): Promise<NewLogEntry[]> =>
  (await suppressRecipient(tx, email, now)).entries

async function suppressRecipient(tx: Tx, email: EmailId, now: number): Promise<Suppressed> {
  const sent = await emailById(tx, email)
  const [address, ...others] = sent?.direction === 'outbound' && sent.status === 'sent' ? namedPaths(sent) : []
  if (sent === undefined || address === undefined || others.length > 0) return notSuppressed
  const evidence = { mailboxId: sent.mailbox_id, emailId: sent.id, deliveryId: null }
  const done = { tenancy: tenancyOf(sent), address, reason: 'unsubscribe', evidence, actor: outbound, expiresAt: null, now } as const
  return suppress(tx, done)
}
