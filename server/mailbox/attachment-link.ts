/**
 * Links to an attachment that work without a key (contract §5.4): for an hour, for a program that cannot send one.
 *
 * Promises: a link names one attachment of one email of one world, and on whose behalf it was made; nobody can make one, or change when it ends,
 * without the secret of this installation. What the key behind it may not read (any more) its links do not open.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { type AttachmentId, type EmailId, type KeyId, isId } from '../model/ids.ts'
import type { World } from '../model/world.ts'

/** Contract §5.4. */
export const linkLifeMs = 3_600_000

/** @property expiresAt epoch ms, a whole second */
export type LinkClaims = { emailId: EmailId; attachmentId: AttachmentId; keyId: KeyId; world: World; expiresAt: number }

const shape = /^([0-9A-HJKMNP-TV-Z]{26})\.([0-9A-HJKMNP-TV-Z]{26})\.([0-9A-HJKMNP-TV-Z]{26})\.([lt])\.([0-9a-z]{6,8})\.([0-9a-f]{32})$/
/** What `linkToken` makes; longer texts need not be looked at. */
export const longestLinkToken = 130

/** 128 bits of HMAC-SHA-256 over everything before them. */
export function linkToken(secret: string, { emailId, attachmentId, keyId, world, expiresAt }: LinkClaims): string {
  const claims = [
    emailId.slice('em_'.length),
    attachmentId.slice('att_'.length),
    keyId.slice('key_'.length),
    world === 'live' ? 'l' : 't',
    Math.floor(expiresAt / 1000).toString(36),
  ].join('.')
  return `${claims}.${macOf(secret, claims)}`
}

/** What a link was made for; null for any other text, and for a link whose hour is over. @param now epoch ms */
export function readLinkToken(secret: string, token: string, now: number): LinkClaims | null {
  const [, email, attachment, key, world, end = '', mac = ''] = (token.length <= longestLinkToken ? shape.exec(token) : null) ?? []
  if (mac === '' || !timingSafeEqual(Buffer.from(mac), Buffer.from(macOf(secret, token.slice(0, -mac.length - 1))))) return null
  const [emailId, attachmentId, keyId] = [`em_${email}`, `att_${attachment}`, `key_${key}`]
  const expiresAt = Number.parseInt(end, 36) * 1000
  if (now >= expiresAt || !isId('email', emailId) || !isId('attachment', attachmentId) || !isId('key', keyId)) return null
  return { emailId, attachmentId, keyId, world: world === 'l' ? 'live' : 'test', expiresAt }
}

const macOf = (secret: string, claims: string): string =>
  createHmac('sha256', secret).update(`attachment-link\0${claims}`).digest('hex').slice(0, 32)

export type AttachmentLinks = {
  /** @returns the path of a link that works for an hour */
  pathTo(of: Omit<LinkClaims, 'expiresAt'>): string
  read(token: string): LinkClaims | null
}

const linkPath = '/v1/files/'

export const createAttachmentLinks = ({ secret, now }: { secret: string; now: () => number }): AttachmentLinks => ({
  pathTo: (of) => linkPath + linkToken(secret, { ...of, expiresAt: now() + linkLifeMs }),
  read: (token) => readLinkToken(secret, token, now()),
})
