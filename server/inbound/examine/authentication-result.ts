/** What was verified of a message, in the words of RFC 8601 that the rest of the house uses. Pure. */
import { parseDomainName } from '../../../dns/name.ts'
import type { ArcResult, AuthenticationResults, DkimResult, DmarcResult, SpfResult } from '../../model/verdict.ts'
import { coversRepeated } from './repeated-fields.ts'
import type { ArcChain, Authentication } from '../verdict/message-facts.ts'
import type { JudgedSignature, Verified } from './verify-message.ts'

type Repeated = ReadonlyMap<string, number>

/** What is left when time ran out: nothing is known, for now. */
export const undecided: Authentication = {
  author: 'one',
  unsure: true,
  chain: null,
  results: {
    spf: { result: 'temperror', domain: null },
    dkim: [],
    dmarc: { result: 'temperror', policy: null, domain: null },
    arc: { result: 'temperror' },
  },
}

/** What was found, as the house says it. Pure. @param repeated fields that are there more than once (repeated-fields.ts) */
export function readResult(result: Verified, repeated: Repeated = new Map()): Authentication {
  const spf = spfOf(result)
  const dkim = dkimOf(result, repeated)
  const results: AuthenticationResults = { spf, dkim, dmarc: dmarcOf(result, { spf, dkim }), arc: arcOf(result) }
  const unsure = results.spf.result === 'temperror' || results.dkim.some((one) => one.result === 'temperror')
  return { results, author: authorOf(result), unsure, chain: repeated.size > 0 ? null : chainOf(result) }
}

function authorOf({ dmarc, dmarcSkipReason }: Verified): Authentication['author'] {
  if (dmarc !== false) return 'one'
  return dmarcSkipReason === 'multiple-author-domains' || dmarcSkipReason === 'multiple-from-fields' ? 'many' : 'none'
}

/** RFC 7208 §4.6: an error of syntax anywhere in a record is a permanent error. mailauth goes on until it meets one. */
function spfOf({ spf }: Verified): AuthenticationResults['spf'] {
  if (spf === false) return { result: 'none', domain: null }
  const domain = parseDomainName(spf.domain)
  if (spf.warnings?.includes('syntax-error') === true && spf.status.result !== 'temperror') return { result: 'permerror', domain }
  return { result: oneOf(spfResults, spf.status.result, 'permerror'), domain }
}

const dkimOf = ({ signatures }: Verified, repeated: Repeated): AuthenticationResults['dkim'] =>
  signatures.map((one) => {
    const result = signatureResult(one, repeated)
    return {
      result,
      domain: parseDomainName(one.domain) ?? '',
      selector: selectorName.test(one.selector) ? one.selector : '',
      aligned: one.isAligned && result !== 'policy',
      ...startOf(one.signature),
    }
  })

/** RFC 6008 §4: enough to tell one signature from another. */
function startOf(signature: string): { signature?: string } {
  const start = signature.slice(0, 8)
  return /^[\w+/]{8}$/.test(start) ? { signature: start } : {}
}

/** RFC 6376 §3.1, and underscores. What else a stranger writes there is no name but words, which would stand among our own. */
const selectorName = /^[\w-]{1,63}(?:\.[\w-]{1,63}){0,9}$/

/** A signature that leaves part of the body unsigned (`l=`, RFC 6376 §8.2), or one of two subjects (§8.15), is not what it seems: anybody may
 *  have added to it. */
const signatureResult = ({ result, signed, unsigned }: JudgedSignature, repeated: Repeated): DkimResult =>
  result === 'pass' && (unsigned > 0 || !coversRepeated(repeated, signed)) ? 'policy' : result

/** A pass is one only when what it rests on is one here as well: a signature over part of the body is not, nor is SPF by a broken record. */
function dmarcOf({ dmarc }: Verified, { spf, dkim }: Pick<AuthenticationResults, 'spf' | 'dkim'>): AuthenticationResults['dmarc'] {
  if (dmarc === false) return { result: 'none', policy: null, domain: null }
  const found = oneOf(dmarcResults, dmarc.status.result, 'permerror')
  const policy = found === 'none' ? null : oneOf([...policies, null], dmarc.policy ?? null, null)
  const bySpf = spf.result === 'pass' && dmarc.alignment?.spf.result !== undefined
  const byDkim = dkim.some(({ result, aligned }) => result === 'pass' && aligned)
  const result = found === 'pass' && !bySpf && !byDkim ? 'fail' : found
  return { result, policy, domain: parseDomainName(dmarc.status.header?.from ?? '') }
}

const arcOf = ({ arc }: Verified): AuthenticationResults['arc'] => ({
  result: arc === false ? 'none' : oneOf(arcResults, arc.status.result, 'permerror'),
})

/** Who sealed it, first to last. The parts of a header field are read by mailauth in whatever shape its writer gave them. */
function chainOf({ arc }: Verified): ArcChain | null {
  if (arc === false || arc.status.result !== 'pass') return null
  const sets = (arc.chain ?? []) as unknown as readonly Record<string, { parsed?: Tags } | undefined>[]
  const firstParsed = sets.length === 1 ? (arc.authenticationResults as Tags) : sets[0]?.['arc-authentication-results']?.parsed
  const dmarc = firstParsed?.['dmarc']
  return {
    sealers: sets.map((set) => nameIn(set['arc-seal']?.parsed?.['d']?.value) ?? ''),
    first: { dmarc: oneOf(dmarcResults, dmarc?.value ?? dmarc?.result, 'none'), author: nameIn(dmarc?.header?.from) },
  }
}

/** What mailauth calls `value` becomes `result` in the last set, of which it makes a copy. */
type Tags = Record<string, { value?: unknown; result?: unknown; header?: { from?: unknown } } | undefined>

const nameIn = (value: unknown): string | null => (typeof value === 'string' ? parseDomainName(value) : null)

const policies = ['none', 'quarantine', 'reject'] as const
const spfResults: readonly SpfResult[] = ['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror']
const dmarcResults: readonly DmarcResult[] = ['pass', 'fail', 'none', 'temperror', 'permerror']
const arcResults: readonly ArcResult[] = ['pass', 'fail', 'none', 'temperror', 'permerror']

const oneOf = <T>(allowed: readonly T[], value: unknown, otherwise: T): T => allowed.find((one) => one === value) ?? otherwise
