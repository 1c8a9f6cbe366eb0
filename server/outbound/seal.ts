/**
 * What an attempt puts in front of a released message: one DKIM signature per key of the author's domain, and behind these, covered by them, who wrote
 * it. Nothing else, and made anew for each attempt.
 */
import { parseDomainName } from '../../dns/name.ts'
import { type Address, addressKey, domainOf } from '../model/address.ts'
import type { Clock } from '../platform/clock.ts'
import type { Store } from '../store/db.ts'
import { activeDkimKeys } from '../store/dkim-keys.ts'
import { domainByName } from '../store/domains.ts'
import { mailboxById } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { splitMessage } from '../model/headers.ts'
import { relaxedBodyHash } from './body-hash.ts'
import { type Identity, claimsIdentity } from './identity/identity.ts'
import type { Released } from './released.ts'
import { type SigningKey, senderAddress, signMessage } from './sign.ts'

export type SealConfig = { algorithms: readonly SigningKey['algorithm'][]; validForMs: number }

export const usualSeal: SealConfig = { algorithms: ['rsa-sha256', 'ed25519-sha256'], validForMs: 72 * 60 * 60_000 }

/** `identity` left out: nothing is said of who wrote it. */
type SealDeps = { store: Store; clock: Clock; config: SealConfig; identity?: Identity }

/** The fields, each with its CRLF; null when the message may not leave, because its author's domain is not this tenant's (nor that of this very mailbox) or has no key,
 *  or because it says itself what only we say. */
export type Seal = (released: Released) => Promise<string | null>

export const createSeal =
  ({ store, clock, config, identity }: SealDeps): Seal =>
  async (released) => {
    const composed = splitMessage(released.composed)
    const header = Buffer.concat([Buffer.from(released.prepended), composed.header])
    const keys = await signingKeys(store, released, header, config.algorithms)
    if (keys.length === 0 || claimsIdentity(header)) return null
    const bodyHash = await relaxedBodyHash(composed.body)
    const who = (await identity?.fields(released.email, header, bodyHash)) ?? ''
    const signed = Buffer.concat([Buffer.from(who), header])
    return (await signMessage(signed, keys, { now: clock.now(), validForMs: config.validForMs, bodyHash })) + who
  }

async function signingKeys(store: Store, { email }: Released, header: Buffer, algorithms: SealConfig['algorithms']): Promise<SigningKey[]> {
  const author = senderAddress(header)
  if (author === null) return []
  const [row, keys] = await Promise.all([domainByName(store.db, domainOf(author)), activeDkimKeys(store.db, domainOf(author))])
  const domain = parseDomainName(row?.name ?? '')
  if (row === undefined || domain === null || !(row.account_id === email.account_id || (await isOwn(store, email, author, row)))) return []
  return keys
    .filter(({ algorithm }) => algorithms.includes(algorithm))
    .map(({ selector, algorithm, private_key }) => ({ domain, selector, algorithm, privateKey: private_key }))
}

/** Who signed up for an account has a mailbox at a domain of whoever runs the server, and writes from that one address of it. */
async function isOwn({ db }: Store, email: Released['email'], author: Address, { id }: Row<'domains'>): Promise<boolean> {
  const mailbox = await mailboxById(db, email.mailbox_id)
  return mailbox?.domain_id === id && mailbox.account_id === email.account_id && addressKey(author) === mailbox.address
}
