import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Address } from '../../server/model/address.ts'
import { type Envelope, contentHash } from '../../server/model/envelope.ts'

const address = fc.stringMatching(/^[a-z]{1,3}@[a-z]{1,2}\.test$/).map((text) => text as Address)
const envelope = fc.record<Envelope>({ reversePath: fc.option(address), forwardPaths: fc.array(address, { minLength: 1, maxLength: 6 }) })
const composed = fc.uint8Array({ maxLength: 60 })
const sameSet = (one: readonly string[], other: readonly string[]) => new Set(one).symmetricDifference(new Set(other)).size === 0

describe('the content hash (design promise 2)', () => {
  it('is the same for the same bytes to the same recipients, in whatever order they stand and however often', () => {
    const shuffled = envelope.chain((one) =>
      fc.tuple(
        fc.constant(one),
        fc.shuffledSubarray([...one.forwardPaths, ...one.forwardPaths], { minLength: one.forwardPaths.length * 2 }),
      ),
    )
    fc.assert(
      fc.property(composed, shuffled, (bytes, [one, again]) => {
        expect(contentHash(bytes, { ...one, forwardPaths: again })).toBe(contentHash(Buffer.from(bytes), one))
      }),
    )
  })

  it('is another one when any byte is changed, added or removed', () => {
    fc.assert(
      fc.property(composed, envelope, fc.nat(), fc.integer({ min: 1, max: 255 }), (bytes, one, at, flip) => {
        const before = contentHash(bytes, one)
        expect(contentHash(Buffer.concat([bytes, Buffer.from([flip])]), one)).not.toBe(before)
        fc.pre(bytes.length > 0)
        const place = at % bytes.length
        expect(
          contentHash(
            bytes.map((byte, index) => (index === place ? byte ^ flip : byte)),
            one,
          ),
        ).not.toBe(before)
        expect(
          contentHash(
            bytes.filter((_, index) => index !== place),
            one,
          ),
        ).not.toBe(before)
      }),
    )
  })

  it('is another one for another sender or another set of recipients', () => {
    fc.assert(
      fc.property(composed, envelope, envelope, (bytes, one, other) => {
        const same = one.reversePath === other.reversePath && sameSet(one.forwardPaths, other.forwardPaths)
        expect(contentHash(bytes, one) === contentHash(bytes, other)).toBe(same)
      }),
    )
  })

  it('cannot be met by moving bytes between envelope and message', () => {
    const to = (path: string) => ({ reversePath: null, forwardPaths: [path as Address] })
    expect(contentHash(Buffer.from('b"],"x":"'), to('a'))).not.toBe(contentHash(Buffer.from(''), to('ab"],"x":"')))
  })

  it('stays what it is: approvals given in the past name it', () => {
    const one = { reversePath: 'ann@ours.test' as Address, forwardPaths: ['bo@remote.test', 'al@remote.test'] as Address[] }
    // printf '{"forward_paths":["al@remote.test","bo@remote.test"],"reverse_path":"ann@ours.test"}\0Subject: x\r\n\r\ny' | sha256sum
    expect(contentHash(Buffer.from('Subject: x\r\n\r\ny'), one)).toBe('509c04a46eb9d7d3591c2cf92f6e1130f68c502aba879cd3469117ebef3110d1')
  })
})
