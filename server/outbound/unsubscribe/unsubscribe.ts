/**
 * Unsubscribing (RFC 2369, RFC 8058): mail that begins a conversation carries a link in its header by which its recipient ends it, with one click.
 *
 * Promises: the link names one email and so one recipient, nobody can guess one, and it changes nothing until somebody posts to it; then that
 * address is on the suppression list. An unknown link is answered like a known one.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { SystemActor } from '../../model/actor.ts'
import { type EmailId, isId } from '../../model/ids.ts'
import type { Store } from '../../store/db.ts'
import { tenancyOf } from '../../store/email-record.ts'
import { emailById, envelopeOf } from '../../store/emails.ts'
import { appendLogs } from '../../store/log.ts'
import { suppress } from '../suppression/suppression.ts'

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

/** How links are made; null where there can be none: RFC 8058 §3.1 wants https, and a server that is only tried out has no public URL. */
export function unsubscribeLinks(publicUrl: string, secret: string): ((email: EmailId) => string) | undefined {
  const base = new URL(publicUrl)
  if (base.protocol !== 'https:' || base.hostname === 'localhost') return undefined
  return (email) => new URL(unsubscribePath + unsubscribeToken(secret, email), base.origin).href
}

/** An answer continues what its reader began; of several recipients one link could not say who is meant. */
export const mayCarryLink = ({ inReplyTo, recipients }: { inReplyTo: string | null; recipients: number }): boolean =>
  inReplyTo === null && recipients === 1

/** Puts whom the token's email went to on the suppression list. @param now epoch ms. @returns false when it is a token of ours for nothing that was sent */
export function unsubscribe(store: Store, email: EmailId, now: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const sent = await emailById(tx, email)
    const [address, ...others] = sent?.direction === 'outbound' && sent.status === 'sent' ? envelopeOf(sent).forwardPaths : []
    if (sent === undefined || address === undefined || others.length > 0) return false
    const evidence = { mailboxId: sent.mailbox_id, emailId: sent.id, deliveryId: null }
    const done = { tenancy: tenancyOf(sent), address, reason: 'unsubscribe', evidence, actor: outbound, expiresAt: null, now } as const
    await appendLogs(tx, (await suppress(tx, done)).entries)
    return true
  })
}
