import type { DnsAnswer, Records, RrType } from '../answer.ts'
import { plainName } from '../asked-name.ts'
import type { Fresh } from '../cache.ts'
import type { WireRecord } from './record.ts'
import type { Reply } from './reply.ts'

/** What a reply says about a name. `alias`: it is another name for `target`, of which the reply says nothing. */
export type Told<T extends RrType> =
  | ({ kind: 'answer' } & Fresh<T>)
  | { kind: 'alias'; target: string; ttlSeconds: number | null; authenticated: boolean }

// About as many as BIND and Unbound follow.
const maxAliases = 16

const noError = 0
const nameError = 3
/** The words of node:dns for the codes of RFC 1035 §4.1.1 that mean a failure. All others are EBADRESP. */
const failures: Readonly<Record<number, string>> = { 1: 'EFORMERR', 2: 'ESERVFAIL', 4: 'ENOTIMP', 5: 'EREFUSED' }

/** Nobody could say. */
export const failure = (reason: string): Fresh<never> => ({ answer: { kind: 'failed', reason }, ttlSeconds: null, authenticated: false })

/** @param name small letters, no final dot */
export function toldBy<T extends RrType>(reply: Reply, name: string, rrtype: T): Told<T> {
  if (reply.code !== noError && reply.code !== nameError) return failed(failures[reply.code] ?? 'EBADRESP')
  const end = endOfAliases(reply.answers, name, rrtype)
  if (end === null) return failed('ESERVFAIL')
  const records = reply.answers.filter((record) => isOf(record, end.name, rrtype))
  if (records.length === 0) return nothingAt(end, reply)
  if (reply.code === nameError) return failed('EBADRESP')
  return answer(reply, { kind: 'found', value: records.map(({ data }) => data) }, least(end.ttl, ...records.map(({ ttl }) => ttl)))
}

/** That there is none is believed only where nothing else can be meant (RFC 2308 §2). A referral, or silence from a server that neither looks
 *  further nor owns the zone, is what one gets from a server that was set up wrong: a failure. */
function nothingAt(end: End, reply: Reply): Told<never> {
  const soa = reply.authorities.find((record) => record.type === 'SOA')
  const ttl = least(end.ttl, soa === undefined ? null : Math.min(soa.ttl, soa.minimum))
  if (reply.code === nameError) return answer(reply, { kind: 'no-domain' }, ttl)
  if (soa !== undefined) return answer(reply, { kind: 'no-data' }, ttl)
  if (end.ttl !== null) return { kind: 'alias', target: end.name, ttlSeconds: end.ttl, authenticated: reply.authenticated }
  const isReferral = reply.authorities.some((record) => record.type === 'NS')
  return isReferral || !reply.knows ? failed('EBADRESP') : answer(reply, { kind: 'no-data' }, null)
}

const answer = <T extends RrType>(reply: Reply, found: DnsAnswer<Records[T][]>, ttlSeconds: number | null): Told<T> => ({
  kind: 'answer',
  answer: found,
  ttlSeconds,
  authenticated: reply.authenticated,
})

const failed = (reason: string): Told<never> => ({ kind: 'answer', ...failure(reason) })

/** Of times to live in seconds, null being unknown. RFC 2181 §5.2: the records of a set should have one; when they differ, the least holds. */
export function least(...ttls: readonly (number | null)[]): number | null {
  const known = ttls.filter((ttl) => ttl !== null)
  return known.length === 0 ? null : Math.min(...known)
}

const isOf = <T extends RrType>(record: WireRecord, name: string, rrtype: T): record is WireRecord & { type: T; data: Records[T] } =>
  record.type === rrtype && record.name === name

/** `ttl` in seconds, the least of the aliases on the way; null when there was none. */
type End = { name: string; ttl: number | null }

/** Where the aliases in the reply lead. Null when they do not end. */
function endOfAliases(answers: readonly WireRecord[], asked: string, rrtype: RrType): End | null {
  let end: End = { name: asked, ttl: null }
  for (let left = maxAliases; left >= 0; left--) {
    const alias = nextAlias(answers, end.name, rrtype)
    if (alias === undefined) return end
    end = { name: plainName(alias.data), ttl: least(end.ttl, alias.ttl) }
  }
  return null
}

function nextAlias(answers: readonly WireRecord[], name: string, rrtype: RrType): { data: string; ttl: number } | undefined {
  if (answers.some((record) => isOf(record, name, rrtype))) return undefined
  return answers.find((record) => isOf(record, name, 'CNAME'))
}
