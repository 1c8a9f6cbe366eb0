/**
 * Whom the agent of a gated_send or gated_new mailbox may write to without asking (contract §4.3).
 *
 * Promises: one recipient who is not on it, hidden ones and automatic copies included, and a person is asked; a pattern is one address or all of one
 * domain, never less exact than that.
 */
import { type Address, addressKey, domainOf, parseAddress } from '../model/address.ts'
import type { MailboxId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { hasAllowlist, listedAmong } from '../store/allowlist.ts'

const longestPattern = 254

/** `*@domain` or an address, in the form in which they are kept and compared; null for anything else. A domain of one label would be a whole
 *  top-level domain. */
export function parsePattern(text: string): string | null {
  const wanted = text.trim()
  if (wanted.length > longestPattern) return null
  const ofDomain = wanted.startsWith('*@')
  const address = parseAddress(ofDomain ? `any${wanted.slice(1)}` : wanted)
  if (address === null || addressKey(address).slice(0, address.lastIndexOf('@')).includes('*')) return null
  const domain = domainOf(address)
  if (!domain.includes('.')) return null
  return ofDomain ? everybodyAt(address) : addressKey(address)
}

const everybodyAt = (address: Address): string => `*@${domainOf(address)}`

/** Those of them that are on the mailbox's list, in the compared form. */
export async function listedOf(db: Db, mailbox: MailboxId, recipients: readonly Address[]): Promise<Set<string>> {
  if (recipients.length === 0 || !(await hasAllowlist(db, mailbox))) return new Set()
  const asked = recipients.flatMap((address) => [addressKey(address), everybodyAt(address)])
  const listed = new Set(await listedAmong(db, mailbox, [...new Set(asked)]))
  return new Set(recipients.filter((address) => listed.has(addressKey(address)) || listed.has(everybodyAt(address))).map(addressKey))
}

/** True when each of them, and there is one, is on the mailbox's list. */
export async function areAllListed(db: Db, mailbox: MailboxId, recipients: readonly Address[]): Promise<boolean> {
  const listed = await listedOf(db, mailbox, recipients)
  return recipients.length > 0 && recipients.every((address) => listed.has(addressKey(address)))
}
