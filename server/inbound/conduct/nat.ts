/**
 * Whether we see who connects, or only a NAT or proxy that stands in front of us (Docker's userland proxy is one). Pure.
 *
 * Behind one, everybody has the same private address. Mail servers that trusted it became open relays, and judging by it lets one robot shut
 * everybody out; so it is noticed, said, and neither is done.
 */
import type { NetworkView } from './conduct.ts'

/** Since the last change of address. `names`: different ones given with EHLO, of which two are enough to know. */
export type Seen = { address: string | null; connections: number; names: readonly string[]; publicAt: number | null }

export const nobodySeen: Seen = { address: null, connections: 0, names: [], publicAt: null }

const enoughConnections = 20
const enoughNames = 2
/** One stranger seen with an address of his own shows that nothing is in front; for how long. */
const publicMs = 3_600_000

/** @param now epoch ms */
export function afterArrival(seen: Seen, { ip, isPrivate }: { ip: string; isPrivate: boolean }, now: number): Seen {
  if (!isPrivate) return { ...nobodySeen, publicAt: now }
  if (ip !== seen.address) return { ...seen, address: ip, connections: 1, names: [] }
  return { ...seen, connections: Math.min(seen.connections + 1, enoughConnections) }
}

/** One host has one name: several behind one address are several hosts. */
export function afterHello(seen: Seen, ip: string, name: string): Seen {
  const short = name.slice(0, longestName).toLowerCase()
  if (ip !== seen.address || seen.names.length >= enoughNames || seen.names.includes(short)) return seen
  return { ...seen, names: [...seen.names, short] }
}
const longestName = 255

export function viewOf({ address, connections, names, publicAt }: Seen, now: number): NetworkView {
  const isHidden = address !== null && connections >= enoughConnections && names.length >= enoughNames && !isRecent(publicAt, now)
  return isHidden ? { kind: 'hidden', address } : { kind: 'direct' }
}

/** Whether strangers have been seen with addresses of their own lately. */
export const seesStrangers = ({ publicAt }: Seen, now: number): boolean => isRecent(publicAt, now)

const isRecent = (at: number | null, now: number): boolean => at !== null && now - at < publicMs
