import type { DnsAnswer, Lookup, Records, Resolver, RrType, Timed } from './answer.ts'
import { isPossibleName, plainName, reverseName } from './asked-name.ts'

/** What is known of a name without asking anybody. The name is as a caller wrote it, so it may be unknown in this form only. */
export type Peek = <T extends RrType>(name: string, rrtype: T) => Timed<T> | undefined

/** The whole of a resolver, out of the one thing that ways to find an answer differ in. */
export function resolverOver(lookup: Lookup, peek: Peek = () => undefined): Resolver {
  const asked: Lookup = (name, rrtype) => {
    const plain = plainName(name)
    return isPossibleName(plain) ? lookup(plain, rrtype) : Promise.resolve(impossible)
  }
  const raw: Resolver['raw'] = (name, rrtype) => {
    const known = peek(name, rrtype)
    return known === undefined ? asked(name, rrtype).then(ownAnswer) : Promise.resolve(ownAnswer(known))
  }
  return {
    mx: (name) => raw(name, 'MX'),
    a: (name) => raw(name, 'A'),
    aaaa: (name) => raw(name, 'AAAA'),
    txt: (name) => raw(name, 'TXT'),
    ptr: (ip) => raw(reverseName(ip) ?? '', 'PTR'),
    raw,
    timed(name, rrtype) {
      const known = peek(name, rrtype)
      return known === undefined ? asked(name, rrtype) : Promise.resolve(known)
    },
  }
}

/** A name that cannot be asked for does not exist. */
const impossible: Timed<never> = { answer: { kind: 'no-domain' }, validUntil: 0, authenticated: false }

/** Callers sort what they get, and others are given the same answer. */
const ownAnswer = <T extends RrType>({ answer }: Timed<T>): DnsAnswer<Records[T][]> =>
  answer.kind === 'found' ? { kind: 'found', value: answer.value.map(ownRecord) } : answer

function ownRecord<R extends Records[RrType]>(record: R): R
function ownRecord(record: Records[RrType]): Records[RrType] {
  if (typeof record === 'string') return record
  return Array.isArray(record) ? [...record] : { ...record }
}

/** No records of the type is an answer of its own. */
export const answerOf = <R>(records: R[]): DnsAnswer<R[]> =>
  records.length === 0 ? { kind: 'no-data' } : { kind: 'found', value: records }
