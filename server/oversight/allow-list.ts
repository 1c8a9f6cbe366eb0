/**
 * Whom the agent of a gated_send or gated_new mailbox may write to without asking (contract §4.3).
 *
 * Promises: one recipient who is not on it, hidden ones and automatic copies included, and a person is asked; a pattern is one address or all of one
 * domain, never less exact than that. What a reviewer allowed for a time (allowance.ts) counts as if it were on it, but not for what was written with a key of
 * that reviewer's, whether they allowed it signed in or with another key of theirs.
 */
import { type Address, addressKey, domainOf, parseAddress } from '../model/address.ts'
import { voterOf } from '../model/hold-life.ts'
import type { KeyId, MailboxId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { allowedAmong, hasAllowance } from '../store/allowances.ts'
import { hasAllowlist, listedAmong } from '../store/allowlist.ts'
import { whoWrote } from './writers.ts'

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

/** Those who are on the operator's own list, in the compared form. */
export async function onList(db: Db, mailbox: MailboxId, recipients: readonly Address[]): Promise<ReadonlySet<string>> {
  if (recipients.length === 0 || !(await hasAllowlist(db, mailbox))) return new Set()
  const asked = recipients.flatMap((address) => [addressKey(address), everybodyAt(address)])
  const listed = new Set(await listedAmong(db, mailbox, [...new Set(asked)]))
  return new Set(recipients.filter((address) => listed.has(addressKey(address)) || listed.has(everybodyAt(address))).map(addressKey))
}

/** Those of them who are allowed for a time. @param keys addresses in the compared form
 *  @param writers the keys that wrote it, the one that drafted it too @param now epoch ms */
export async function allowedForATime(
  db: Db,
  mailbox: MailboxId,
  keys: readonly string[],
  { writers, now }: { writers: readonly KeyId[]; now: number },
): Promise<ReadonlySet<string>> {
  if (keys.length === 0 || !(await hasAllowance(db, mailbox, now))) return new Set()
  const except = (await whoWrote(db, writers)).map(voterOf)
  return new Set(await allowedAmong(db, mailbox, { addresses: [...new Set(keys)], except, now }))
}
