import { type WantedRecord, mxText } from './records.ts'
import type { DnsAnswer, Resolver } from './answer.ts'

/** `warning`: works, but somebody should look. `unknown`: the DNS did not say. `sentence` is whole and names the record. */
export type Finding = { record: WantedRecord; state: 'ok' | 'warning' | 'wrong' | 'missing' | 'unknown'; sentence: string }

/** Asks for every wanted record and judges what is there. */
export const checkRecords = (resolver: Resolver, wanted: readonly WantedRecord[]): Promise<Finding[]> =>
  Promise.all(wanted.map(async (record) => judge(record, await published(resolver, record))))

const ask: Record<WantedRecord['type'], (resolver: Resolver, name: string) => Promise<DnsAnswer<string[]>>> = {
  A: (resolver, name) => resolver.a(name),
  AAAA: (resolver, name) => resolver.aaaa(name),
  PTR: (resolver, name) => resolver.raw(name, 'PTR'),
  MX: async (resolver, name) => mapFound(await resolver.mx(name), mxText),
  TXT: async (resolver, name) => mapFound(await resolver.txt(name), (strings) => strings.join('')),
}

function published(resolver: Resolver, record: WantedRecord): Promise<DnsAnswer<string[]>> {
  // Without an address there is no name to ask for.
  if (record.purpose === 'reverse' && !record.name.endsWith('.arpa'))
    return Promise.resolve({ kind: 'failed', reason: 'its address is not known here' })
  return ask[record.type](resolver, record.name)
}

const mapFound = <A, B>(answer: DnsAnswer<A[]>, convert: (value: A) => B): DnsAnswer<B[]> =>
  answer.kind === 'found' ? { kind: 'found', value: answer.value.map(convert) } : answer

/** What is published under the name of a wanted record (each record as text, as in WantedRecord.value), against what should be. */
export function judge(record: WantedRecord, answer: DnsAnswer<string[]>): Finding {
  const what = `The ${record.type} record of ${record.name}`
  if (answer.kind === 'failed') return { record, state: 'unknown', sentence: `${what} could not be looked up (${answer.reason}).` }
  const there = answer.kind === 'found' ? answer.value : []
  const [state, rest] = judges[record.purpose](there, record.value)
  return { record, state, sentence: `${what} ${rest}` }
}

type Judgement = [state: Finding['state'], rest: string]
type Judge = (there: readonly string[], wanted: string | null) => Judgement

const missing = (wanted: string | null): Judgement => ['missing', wanted === null ? 'is missing.' : `is missing; publish: ${wanted}`]
const list = (texts: readonly string[]): string => texts.map(shown).join(' and ')
// What strangers publish is shown to a person: bounded, and nothing that a terminal would obey.
const shown = (text: string): string => JSON.stringify(text.length > 200 ? `${text.slice(0, 200)}…` : text).replace(/[^ -~…]/gu, '?')
const sameName = (one: string, other: string): boolean => bare(one) === bare(other)
const bare = (name: string): string => name.toLowerCase().replace(/\.$/, '')

const judgeMx: Judge = (there, wanted) => {
  const hostOf = (text: string) => bare(text.slice(text.indexOf(' ') + 1))
  const ours = hostOf(wanted ?? '')
  const others = there.filter((text) => hostOf(text) !== ours)
  if (there.length === 0) return missing(wanted)
  if (others.length === there.length) return ['wrong', `names ${list(others)} and not this server; publish: ${wanted}`]
  return others.length === 0
    ? ['ok', `points here.`]
    : ['warning', `points here, and also to ${list(others)}, where part of the mail will go.`]
}

const judgeHost: Judge = (there, wanted) => {
  if (there.length === 0) return missing(wanted)
  if (wanted === null) return ['ok', `is ${there.join(', ')}; that should be the public address of this server.`]
  return there.some((address) => sameName(address, wanted))
    ? ['ok', `is ${wanted}.`]
    : ['wrong', `is ${there.join(', ')} and not ${wanted}.`]
}

const judgeSpf: Judge = (there, wanted) => {
  const policies = there.filter((text) => /^v=spf1( |$)/i.test(text))
  const [policy, ...more] = policies
  if (policy === undefined) return missing(wanted)
  // RFC 7208 §3.2: with two of them, every check ends in an error.
  if (more.length > 0) return ['wrong', `exists ${policies.length} times as SPF policy (${list(policies)}); merge them into one.`]
  if (sameTerms(policy, wanted ?? '')) return ['ok', 'is the SPF policy it should be.']
  return ['warning', `is ${shown(policy)}; make sure it lets this server send, or publish: ${wanted}`]
}

const sameTerms = (one: string, other: string): boolean => termsOf(one).join(' ') === termsOf(other).join(' ')
const termsOf = (policy: string): string[] => policy.trim().toLowerCase().split(/ +/)

const judgeDkim: Judge = (there, wanted) => {
  if (there.length === 0) return missing(wanted)
  const keyOf = (text: string) => /(?:^|;)\s*p\s*=\s*([^;]*)/.exec(text)?.[1]?.replace(/\s+/g, '')
  const ours = keyOf(wanted ?? '')
  const [only, ...more] = there
  // RFC 6376 §3.6.2.2: what a verifier does with several is undefined.
  if (more.length > 0) return ['wrong', `exists ${there.length} times; leave only: ${wanted}`]
  if (keyOf(only ?? '') === ours) return ['ok', 'has our key.']
  return keyOf(only ?? '') === '' ? ['wrong', 'says that the key was revoked.'] : ['wrong', `has another key; publish: ${wanted}`]
}

const judgeDmarc: Judge = (there, wanted) => {
  const policies = there.filter((text) => /^v\s*=\s*DMARC1\s*(;|$)/.test(text))
  const [policy, ...more] = policies
  if (policy === undefined) return missing(wanted)
  // RFC 9989 §4.10: several are as good as none.
  if (more.length > 0) return ['wrong', `exists ${policies.length} times as DMARC policy; leave one.`]
  const action = /;\s*p\s*=\s*(none|quarantine|reject)\s*(;|$)/i.exec(policy)?.[1]?.toLowerCase()
  if (action === undefined) return ['warning', `is ${shown(policy)}, which has no p= of none, quarantine or reject.`]
  return [
    'ok',
    action === 'none' ? 'observes only (p=none); raise it to reject once your own mail passes.' : `asks others to ${action} what fails.`,
  ]
}

const judgeReverse: Judge = (there, wanted) => {
  if (there.length === 0) return ['missing', `is missing; ask whoever gave you the address to set it to ${wanted}.`]
  return there.some((name) => sameName(name, wanted ?? ''))
    ? ['ok', `is ${wanted}.`]
    : ['wrong', `is ${list(there)}; have it set to ${wanted}.`]
}

const judges: Record<WantedRecord['purpose'], Judge> = {
  mx: judgeMx,
  host: judgeHost,
  spf: judgeSpf,
  'host-spf': judgeSpf,
  dkim: judgeDkim,
  dmarc: judgeDmarc,
  reverse: judgeReverse,
}
