import { describe, expect, it } from 'vitest'
import type { WireRecord } from '../../../dns/wire/record.ts'
import type { Reply } from '../../../dns/wire/reply.ts'
import { toldBy } from '../../../dns/wire/told.ts'

const whole: Reply = { code: 0, truncated: false, sameCase: true, authenticated: false, knows: true, answers: [], authorities: [] }
const a = (name: string, data = '192.0.2.1', ttl = 300): WireRecord => ({ name, ttl, type: 'A', data })
const cname = (name: string, data: string, ttl = 300): WireRecord => ({ name, ttl, type: 'CNAME', data })
const soa = (ttl: number, minimum: number): WireRecord => ({ name: 'test', ttl, type: 'SOA', minimum })
const ns: WireRecord = { name: 'test', ttl: 300, type: 'NS' }

const found = (value: string[], ttlSeconds: number) => ({
  kind: 'answer',
  answer: { kind: 'found', value },
  ttlSeconds,
  authenticated: false,
})
const none = (kind: 'no-data' | 'no-domain', ttlSeconds: number | null) => ({ kind: 'answer', answer: { kind }, ttlSeconds })
const failed = (reason: string) => ({ kind: 'answer', answer: { kind: 'failed', reason } })
const chain = (length: number): WireRecord[] => Array.from({ length }, (_, i) => cname(i === 0 ? 'x.test' : `c${i}.test`, `c${i + 1}.test`))

describe('what a reply says of the addresses of x.test', () => {
  it.each<[string, Partial<Reply>, object]>([
    ['its records', { answers: [a('x.test'), a('x.test', '192.0.2.2')] }, found(['192.0.2.1', '192.0.2.2'], 300)],
    [
      'the least time of several',
      { answers: [a('x.test', '192.0.2.1', 60), a('x.test', '192.0.2.2', 30)] },
      found(['192.0.2.1', '192.0.2.2'], 30),
    ],
    ['nothing by the records of another name', { answers: [a('y.test')] }, none('no-data', null)],
    ['those of its alias', { answers: [cname('x.test', 'Y.test.', 20), a('y.test')] }, found(['192.0.2.1'], 20)],
    [
      'those at the end of aliases in any order',
      { answers: [a('z.test'), cname('y.test', 'z.test'), cname('x.test', 'y.test')] },
      found(['192.0.2.1'], 300),
    ],
    [
      'an alias of which it says nothing',
      { answers: [cname('x.test', 'y.test', 20)] },
      { kind: 'alias', target: 'y.test', ttlSeconds: 20 },
    ],
    ['an alias without addresses', { answers: [cname('x.test', 'y.test', 20)], authorities: [soa(300, 60)] }, none('no-data', 20)],
    [
      'an alias for what does not exist',
      { code: 3, answers: [cname('x.test', 'y.test', 900)], authorities: [soa(300, 60)] },
      none('no-domain', 60),
    ],
    ['sixteen aliases', { answers: [...chain(16), a('c16.test')] }, found(['192.0.2.1'], 300)],
    ['too many aliases', { answers: [...chain(17), a('c17.test')] }, failed('ESERVFAIL')],
    ['aliases in a circle', { answers: [cname('x.test', 'y.test'), cname('y.test', 'x.test')] }, failed('ESERVFAIL')],
    ['an alias for itself', { answers: [cname('x.test', 'x.test')] }, failed('ESERVFAIL')],
    ['that there is none, for as long as its SOA is to be kept', { authorities: [soa(30, 3600)] }, none('no-data', 30)],
    ['that there is none, for the minimum in its SOA', { authorities: [soa(3600, 30)] }, none('no-data', 30)],
    ['that there is none, without more', {}, none('no-data', null)],
    ['that the name does not exist', { code: 3, authorities: [soa(300, 60)] }, none('no-domain', 60)],
    ['that the name does not exist, without more', { code: 3 }, none('no-domain', null)],
    ['nothing: somebody else should be asked', { authorities: [ns] }, failed('EBADRESP')],
    ['nothing: it neither looks further nor owns the zone', { knows: false }, failed('EBADRESP')],
    ['nothing: it contradicts itself', { code: 3, answers: [a('x.test')] }, failed('EBADRESP')],
    ['that it could not understand', { code: 1 }, failed('EFORMERR')],
    ['that it could not find out', { code: 2, answers: [a('x.test')] }, failed('ESERVFAIL')],
    ['that it cannot do so', { code: 4 }, failed('ENOTIMP')],
    ['that it will not', { code: 5 }, failed('EREFUSED')],
    ['that something is wrong (YXDOMAIN)', { code: 6 }, failed('EBADRESP')],
    ['that something is wrong (BADVERS)', { code: 16 }, failed('EBADRESP')],
    ['that something is wrong (BADCOOKIE)', { code: 23 }, failed('EBADRESP')],
  ])('%s', (_what, reply, expected) => {
    expect(toldBy({ ...whole, ...reply }, 'x.test', 'A')).toMatchObject(expected)
  })

  it('is proven when the server says so', () => {
    expect(toldBy({ ...whole, authenticated: true, answers: [a('x.test')] }, 'x.test', 'A')).toMatchObject({ authenticated: true })
  })
})

it('an alias that is asked for is the answer, not a way', () => {
  const told = toldBy({ ...whole, answers: [cname('x.test', 'y.test'), cname('y.test', 'z.test')] }, 'x.test', 'CNAME')
  expect(told).toMatchObject({ answer: { kind: 'found', value: ['y.test'] } })
})
