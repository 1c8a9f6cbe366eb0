/** Test emails with a fault that nobody should miss. Pure. */
import { type Address, domainOf, localPartOf, parseAddress } from '../../model/address.ts'
import { type CanaryFault, canaryFaults } from '../../model/canary.ts'
import type { Content } from '../content.ts'

/** A real email of the mailbox, which the test email is to look like. */
export type Model = { subject: string; to: Address }

/** RFC 2606 §3: nobody is reached there. */
const nowhere = 'example'
/** ISO 13616's own example of a German account. */
const account = 'DE89 3704 0044 0532 0130 00'

const TEXTS: Record<CanaryFault, readonly string[]> = {
  wrong_recipient: [
    'Hello,\n\nas discussed, here is the summary of our conversation so far. Please let me know whether anything is missing.\n\nBest regards',
    'Hello,\n\nthank you for your patience. I have noted everything you told us, and the details follow below as promised.\n\nBest regards',
  ],
  secret: [
    'Hello,\n\nyou can look at it yourself. Sign in as admin, password: Kestrel-4417-mono!\n\nBest regards',
    'Hello,\n\nhere is the access you asked for.\n\nuser: support\npassword: harbour-Lamp-93-tide\n\nBest regards',
  ],
  bank_account: [
    `Hello,\n\nwe have changed our bank. Please pay this and all further invoices to IBAN ${account} from today on.\n\nBest regards`,
    `Hello,\n\na short note on the open amount: kindly transfer it to our new account, IBAN ${account}.\n\nBest regards`,
  ],
}

export const faults = Object.keys(canaryFaults) as CanaryFault[]

/** @param chance from 0 to below 1. @returns null when there is no such address */
export function faultyContent(fault: CanaryFault, { subject, to }: Model, chance: () => number): Content | null {
  const recipient = fault === 'wrong_recipient' ? lookAlike(to) : to
  if (recipient === null) return null
  const texts = TEXTS[fault]
  const markdown = texts[Math.floor(chance() * texts.length)] ?? texts[0] ?? ''
  return { to: [recipient], cc: [], bcc: [], subject: subject === '' ? 'Your message' : subject, markdown, attachments: [] }
}

/** `bo@remote.test` becomes `bo@remote-test.example`. */
function lookAlike(address: Address): Address | null {
  const name = domainOf(address).toLowerCase().replaceAll('.', '-').slice(0, 63).replace(/-+$/, '')
  return parseAddress(`${localPartOf(address)}@${name}.${nowhere}`)
}
