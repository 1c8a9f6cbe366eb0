/** Challenges of WebAuthn that this server knows for its own without keeping them (WebAuthn Level 3 §13.4.3): signed, for one use, for a few minutes. Pure. */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { minute } from './person.ts'

export const challengeLifeMs = 5 * minute

const randomLength = 16
const timeLength = 8
const markLength = 16

/** @param purpose what it is good for, and for whom; @param now epoch ms */
export function makeChallenge(secret: string, purpose: string, now: number): Buffer<ArrayBuffer> {
  const time = Buffer.alloc(timeLength)
  time.writeBigUInt64BE(BigInt(now + challengeLifeMs))
  const body = Buffer.concat([randomBytes(randomLength), time])
  return Buffer.concat([body, markOf(secret, purpose, body)])
}

/** Until when (epoch ms, exclusive) this is a challenge of ours for that purpose; null: it is none, or its time is over. @param text base64url */
export function readChallenge(secret: string, purpose: string, text: string, now: number): number | null {
  if (!/^[\w-]{54}$/.test(text)) return null
  const bytes = Buffer.from(text, 'base64url')
  const body = bytes.subarray(0, randomLength + timeLength)
  const mark = bytes.subarray(randomLength + timeLength)
  // The last character has bits that no byte has: of one challenge there is one text.
  if (bytes.toString('base64url') !== text || !timingSafeEqual(mark, markOf(secret, purpose, body))) return null
  const until = Number(body.readBigUInt64BE(randomLength))
  return now < until ? until : null
}

const markOf = (secret: string, purpose: string, body: Buffer): Buffer =>
  createHmac('sha256', secret).update(`passkey ${purpose}\0`).update(body).digest().subarray(0, markLength)
