/** One-time passwords of an authenticator program (RFC 6238 over RFC 4226): SHA-1, six digits, thirty seconds, which is what every such program does. Pure. */
import { createHmac, timingSafeEqual } from 'node:crypto'

const stepMs = 30_000
const digits = 6
/** RFC 4226 §4 R6 asks for 160 bits. */
export const totpSecretBytes = 20
/** RFC 6238 §5.2: one step of delay, on either side, since nobody's clock is right. */
const allowedDrift = [0, -1, 1] as const

/** RFC 4226 §5.3. @param length digits, six to eight */
export function hotp(secret: Buffer, counter: number, length = digits): string {
  const message = Buffer.alloc(8)
  message.writeBigUInt64BE(BigInt(counter))
  const mac = createHmac('sha1', secret).update(message).digest()
  const offset = (mac.at(-1) ?? 0) & 0xf
  const truncated = mac.readUInt32BE(offset) & 0x7fff_ffff
  return String(truncated % 10 ** length).padStart(length, '0')
}

/** @param now epoch ms */
export const totpStep = (now: number): number => Math.floor(now / stepMs)

/** The step whose code this is, later than the last one that was used (RFC 6238 §5.2: a code is good once); null: none. */
export function matchingStep(
  secret: Buffer,
  presented: string,
  { now, lastStep }: { now: number; lastStep: number | null },
): number | null {
  const plain = presented.replaceAll(/[\s-]/g, '')
  if (!/^\d{6}$/.test(plain)) return null
  const current = totpStep(now)
  const steps = allowedDrift.map((drift) => current + drift)
  // All are computed, whichever fits.
  const fitting = steps.filter((step) => step >= 0 && timingSafeEqual(Buffer.from(hotp(secret, step)), Buffer.from(plain)))
  return fitting.find((step) => lastStep === null || step > lastStep) ?? null
}

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

/** RFC 4648 §6, without padding. */
export function toBase32(bytes: Uint8Array): string {
  const bits = [...bytes].map((byte) => byte.toString(2).padStart(8, '0')).join('')
  return (bits.match(/.{1,5}/g) ?? []).map((five) => letters.charAt(parseInt(five.padEnd(5, '0'), 2))).join('')
}

/** What `toBase32` made. */
export function fromBase32(text: string): Buffer {
  const bits = text
    .split('')
    .map((letter) => letters.indexOf(letter).toString(2).padStart(5, '0'))
    .join('')
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)))
}

/** What authenticator programs read, often from a picture. */
export const totpAddress = (secret: string, { issuer, name }: { issuer: string; name: string }): string =>
  `otpauth://totp/${encodeURIComponent(`${issuer}:${name}`)}?secret=${secret}&issuer=${encodeURIComponent(issuer)}`
