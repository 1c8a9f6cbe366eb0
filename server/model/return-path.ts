/**
 * Where bounces of one email go: `b+<email>.<until>.<mac>@domain` (docs/decisions/014-return-path.md). It names the email even when a report quotes
 * nothing of it, and a report to an address that we never wrote is refused. Pure.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { DomainName } from '../../dns/name.ts'
import { type Address, domainOf, localPartOf } from './address.ts'
import { type EmailId, isId } from './ids.ts'

const dayMs = 24 * 60 * 60_000
/** A hold of days, a delivery of days, and hosts that report after weeks. */
const validDays = 90
/** 96 bits; with the rest the local part has 58 octets of the 64 there may be (RFC 5321 §4.5.3.1.1). */
const macLength = 24

// Hosts on the way may write a local part in capitals or small letters, so neither carries meaning.
const shape = /^b\+([0-9a-z]{26})\.([0-9a-z]{3,5})\.([0-9a-f]{24})$/

/** @param secret of this installation. @param now epoch ms, when the email is composed */
export function returnPath(secret: string, email: EmailId, domain: DomainName, now: number): Address {
  const name = email.slice('em_'.length).toLowerCase()
  const until = (Math.floor(now / dayMs) + validDays).toString(36)
  return `b+${name}.${until}.${macOf(secret, name, until, domain)}@${domain}` as Address
}

/** The email whose bounces go to this address; `forged` when it only looks like one of ours, or its time is over; null for any other address. */
export function readReturnPath(secret: string, address: Address, now: number): EmailId | 'forged' | null {
  const [, name = '', until = '', mac = ''] = shape.exec(localPartOf(address).toLowerCase()) ?? []
  if (mac === '') return null
  const expected = macOf(secret, name, until, domainOf(address))
  if (!timingSafeEqual(Buffer.from(mac), Buffer.from(expected))) return 'forged'
  const id = `em_${name.toUpperCase()}`
  return isId('email', id) && Number.parseInt(until, 36) >= Math.floor(now / dayMs) ? id : 'forged'
}

const macOf = (secret: string, name: string, until: string, domain: DomainName): string =>
  createHmac('sha256', secret).update(`return-path\0${name}\0${until}\0${domain}`).digest('hex').slice(0, macLength)
