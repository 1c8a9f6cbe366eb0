/**
 * Programs of the operator's choice that look at arriving messages as well: rspamd for spam, ClamAV for malware. None is needed.
 *
 * Promise: each answers within a fixed time or counts as absent. A spam scanner that is absent is done without; without the malware scanner
 * that was asked for, the message stays with its sender (451), because letting it in would be what the operator wanted to prevent.
 */
import type { Address } from '../../model/address.ts'
import type { Reason } from '../../model/reason.ts'
import type { Client } from '../arrival.ts'

export type Scanned = { bytes: Buffer; client: Client; reversePath: Address | null; forwardPaths: readonly Address[] }

/** `reasons` add to the spam score. `malware`: the name its scanner gives it. `missing`: whose answer the message has to wait for. */
export type ScanReport = { reasons: readonly Reason[]; malware: string | null; missing: 'clamav' | null }

/** Never rejects. */
export type Scan = (message: Scanned) => Promise<ScanReport>

export const notScanned: ScanReport = { reasons: [], malware: null, missing: null }

/** All of them at once. */
export const allOf =
  (scans: readonly Scan[]): Scan =>
  async (message) => {
    const reports = await Promise.all(scans.map((scan) => scan(message)))
    return {
      reasons: reports.flatMap(({ reasons }) => reasons),
      malware: reports.find(({ malware }) => malware !== null)?.malware ?? null,
      missing: reports.find(({ missing }) => missing !== null)?.missing ?? null,
    }
  }

const unprintable = /[\p{C}\p{Zl}\p{Zp}]+/gu
const maxName = 200
/** A name that another program chose, after what a stranger sent it. */
export const printable = (name: string): string => name.slice(0, maxName).replace(unprintable, ' ')
