import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RrType } from '../../../dns/resolver.ts'
import { type Query, makeQuery } from '../../../dns/wire/query.ts'
import { readReply } from '../../../dns/wire/reply.ts'
import { toldBy } from '../../../dns/wire/told.ts'
import { answerMessage, encodeName, headerLength, numbers, rawRecord, readQuestion, record, soaRecord } from '../../support/dns-wire.ts'

const query = makeQuery('host.test', 'A', { mixCase: true, edns: true })
const echo = { id: query.id, wire: query.section }
const right = answerMessage(echo, 0, [record('host.test', 'A', 300, '192.0.2.1')])

/** A copy with other bytes somewhere. */
const changed = (message: Buffer, at: number, ...bytes: number[]): Buffer => {
  const copy = Buffer.from(message)
  copy.set(bytes, at)
  return copy
}

describe('a query', () => {
  it('is what another reader reads', () => {
    const read = readQuestion(query.bytes)
    expect(read).toMatchObject({ id: query.id, type: 1, edns: true, wantsProof: true })
    expect(read?.name.toLowerCase()).toBe('host.test')
    expect(read?.wire).toEqual(query.section)
  })

  it('has letters in random case and an id that nobody can guess', () => {
    const many = Array.from({ length: 64 }, () => makeQuery('a-long-enough-name.example', 'TXT', { mixCase: true, edns: false }))
    expect(new Set(many.map(({ section }) => section.toString('latin1'))).size).toBe(64)
    expect(new Set(many.map(({ id }) => id)).size).toBeGreaterThan(60)
  })

  it('has the letters it is given when their case is not to be mixed', () => {
    expect(readQuestion(makeQuery('host.test', 'A', { mixCase: false, edns: false }).bytes)).toMatchObject({
      name: 'host.test',
      edns: false,
    })
  })
})

describe('a message', () => {
  it('that answers is read', () => {
    expect(readReply(right, query)).toMatchObject({ code: 0, sameCase: true, answers: [{ name: 'host.test', type: 'A', ttl: 300 }] })
  })

  const other = makeQuery('other.test', 'A', { mixCase: false, edns: false })
  it.each<[string, Buffer]>([
    ['has another id', changed(right, 0, right.readUInt16BE(0) ^ 1)],
    ['is a question', changed(right, 2, 0x05)],
    ['is about another operation', changed(right, 2, 0x8d)],
    ['answers another name', answerMessage({ ...echo, wire: other.section }, 0, [record('other.test', 'A', 300, '192.0.2.1')])],
    ['answers another type', changed(right, headerLength + query.section.length - 3, 28)],
    ['has no question', answerMessage({ ...echo, wire: Buffer.alloc(0) }, 0)],
    ['has two questions', changed(right, 5, 2)],
    ['is empty', Buffer.alloc(0)],
    ['is only a part of a header', right.subarray(0, 11)],
    ['ends in the question', right.subarray(0, 20)],
    ['ends in a record', right.subarray(0, -1)],
    ['promises more records', changed(right, 7, 2)],
    ['promises 65,535 records', changed(right, 6, 0xff, 0xff)],
    [
      'has more records than anybody needs',
      answerMessage(
        echo,
        0,
        Array.from({ length: 501 }, () => record('host.test', 'A', 1, '192.0.2.1')),
      ),
    ],
    ['has an address of three octets', answerMessage(echo, 0, [rawRecord('host.test', 1, 300, Buffer.alloc(3))])],
    ['has an address of five octets', answerMessage(echo, 0, [rawRecord('host.test', 1, 300, Buffer.alloc(5))])],
    ['has a record beyond its end', changed(right, right.length - 5, 200)],
    [
      'has an owner that points to itself',
      answerMessage(echo, 0, [rawRecord(numbers(0xc000 | (headerLength + query.section.length)), 1, 300, Buffer.alloc(4))]),
    ],
    ['has an owner that points forward', answerMessage(echo, 0, [rawRecord(numbers(0xc0ff), 1, 300, Buffer.alloc(4))])],
    ['has a label of a kind that is not used', answerMessage(echo, 0, [rawRecord(Buffer.from([0x80, 0]), 1, 300, Buffer.alloc(4))])],
    ['has an alias that is longer than its record', answerMessage(echo, 0, [rawRecord('host.test', 5, 300, Buffer.from([9, 65]))])],
    ['has a text that is longer than its record', answerMessage(echo, 0, [rawRecord('host.test', 16, 300, Buffer.from([200, 65]))])],
    ['has a text of no string at all', answerMessage(echo, 0, [rawRecord('host.test', 16, 300, Buffer.alloc(0))])],
    ['has a SOA without its times', answerMessage(echo, 0, [], [rawRecord('test', 6, 300, Buffer.from([0, 0]))])],
    ['has a TLSA that is too short', answerMessage(echo, 0, [rawRecord('host.test', 52, 300, Buffer.from([3, 1]))])],
  ])('that %s is none', (_what, message) => {
    expect(readReply(message, query)).toBeNull()
  })

  it('with the question in other letters may be from somebody who guesses', () => {
    const wire = Buffer.from(query.section.toString('latin1').toLowerCase(), 'latin1')
    const mixed = Buffer.from(query.section.toString('latin1').replace('h', 'H'), 'latin1')
    const asked: Query = { ...query, section: mixed }
    expect(readReply(answerMessage({ ...echo, wire }, 0), asked)).toMatchObject({ sameCase: false })
  })

  it.each([1, 4])('without a question is taken as code %i, of who did not understand', (code) => {
    expect(readReply(answerMessage({ ...echo, wire: Buffer.alloc(0) }, code), query)).toMatchObject({ code, answers: [] })
  })

  it('that was cut off says so, wherever the cut is', () => {
    const cut = changed(right, 2, (right[2] ?? 0) | 0x02)
    for (let length = headerLength + query.section.length; length <= cut.length; length++)
      expect(readReply(cut.subarray(0, length), query)).toMatchObject({ truncated: true, answers: [] })
  })

  it('has the extended code of its OPT record', () => {
    const opt = rawRecord('', 41, 0x0100_0000, Buffer.alloc(0))
    const message = changed(Buffer.concat([answerMessage(echo, 0), opt]), 11, 1)
    expect(readReply(message, query)).toMatchObject({ code: 16 })
  })

  it('may hold what nobody asked for', () => {
    const odd = [rawRecord('host.test', 46, 300, Buffer.alloc(3)), rawRecord('host.test', 65_280, 300, Buffer.alloc(9))]
    const chaos = record('host.test', 'A', 300, '192.0.2.66')
    chaos.writeUInt16BE(3, encodeName('host.test').length + 2)
    const reply = readReply(answerMessage(echo, 0, [...odd, chaos, record('host.test', 'A', 300, '192.0.2.1')]), query)
    expect(reply?.answers).toEqual([{ name: 'host.test', ttl: 300, type: 'A', data: '192.0.2.1' }])
  })

  it('has names in small letters where they point into the question', () => {
    const mixed: Query = { ...query, section: Buffer.from(query.section.toString('latin1').replace(/host/i, 'hOsT'), 'latin1') }
    const alias = rawRecord(
      numbers(0xc000 | headerLength),
      5,
      300,
      Buffer.concat([Buffer.from([2, 77, 88]), numbers(0xc000 | headerLength)]),
    )
    const reply = readReply(answerMessage({ ...echo, wire: mixed.section }, 0, [alias]), mixed)
    expect(reply?.answers).toEqual([{ name: 'host.test', ttl: 300, type: 'CNAME', data: 'mx.host.test' }])
  })

  it('has a time of zero where its topmost bit is set', () => {
    const reply = readReply(answerMessage(echo, 0, [record('host.test', 'A', 0x8000_0000, '192.0.2.1')]), query)
    expect(reply?.answers).toMatchObject([{ ttl: 0 }])
  })

  it('of nothing but long ways round is read to its end', () => {
    // Each pointer leads to the one before it, 8,000 deep; then 400 records whose owner is the last.
    const base = headerLength + query.section.length
    const way = Buffer.alloc(16_200)
    const data = base + encodeName('x').length + 10
    for (let at = 2; at + 1 < way.length; at += 2) way.writeUInt16BE(0xc000 | (data + at - 2), at)
    const last = numbers(0xc000 | (data + 16_000))
    const records = Array.from({ length: 400 }, () => rawRecord(last, 5, 300, last))
    const message = answerMessage(echo, 0, [rawRecord('x', 65_280, 300, way), ...records])
    expect(readReply(message, query)?.answers).toHaveLength(400)
  })
})

describe('bytes from the network', () => {
  const types: readonly RrType[] = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME', 'TLSA']
  const read = (message: Buffer): void => {
    const reply = readReply(message, query)
    if (reply === null) return
    for (const type of types) expect(['answer', 'alias']).toContain(toldBy(reply, 'host.test', type).kind)
  }

  it('never break the reader', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => read(Buffer.from(bytes))),
      { numRuns: 500 },
    )
  })

  it('never break it behind a head that is right', () => {
    const head = answerMessage(echo, 0)
    const counts = fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 })
    fc.assert(
      fc.property(counts, fc.uint8Array({ maxLength: 600 }), ([answers = 0, authorities = 0, more = 0], bytes) => {
        const message = Buffer.concat([head, bytes])
        message.set(numbers(answers, authorities, more), 6)
        read(message)
      }),
      { numRuns: 1000 },
    )
  })

  it('never break it when they were an answer', () => {
    const answer = answerMessage(
      echo,
      0,
      [
        record('host.test', 'CNAME', 300, 'mx.host.test'),
        record('mx.host.test', 'MX', 300, { priority: 1, exchange: 'a.test' }),
        record('mx.host.test', 'TXT', 300, ['v=spf1 -all', 'more']),
        record('mx.host.test', 'AAAA', 300, '2001:db8::1'),
        record('mx.host.test', 'TLSA', 300, { usage: 3, selector: 1, matchingType: 1, data: '00ff' }),
        record('mx.host.test', 'PTR', 300, 'host.test'),
      ],
      [soaRecord('test', { ttl: 300, minimum: 60 })],
    )
    const change = fc.tuple(fc.integer({ min: 2, max: answer.length - 1 }), fc.nat(255))
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 6 }), fc.integer({ min: 0, max: answer.length }), (changes, length) => {
        read(changes.reduce((message, [at, byte]) => changed(message, at, byte), answer).subarray(0, length))
        read(changes.reduce((message, [at, byte]) => changed(message, at, byte), answer))
      }),
      { numRuns: 2000 },
    )
  })
})
