import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseMessageIds, referencesForReply } from '../../server/model/msg-id.ts'
import { harmful, wildText } from '../support/arbitraries.ts'

const id = fc.stringMatching(/^<[!-;=?-~]{1,20}>$/)
const nothing = { messageId: null, inReplyTo: null, references: [] }

describe('message identifiers', () => {
  it.each([
    ['<a@b>', ['<a@b>']],
    ['<a@b>\r\n <c@d>', ['<a@b>', '<c@d>']],
    ['"Ann" of Monday <a@b> (comment)', ['<a@b>']],
    ['<a@b><a@b>', ['<a@b>']],
    ['a@b', []],
    ['<>', []],
    ['< a@b >', []],
    ['<a\r\nBcc: eve@x>', []],
    ['<a<b@c>', ['<b@c>']],
    [`<${'a'.repeat(996)}@b>`, []],
    ['', []],
    [null, []],
    [undefined, []],
  ])('in %j are %j', (value, ids) => {
    expect(parseMessageIds(value)).toEqual(ids)
  })

  it('never throw, are few, and have nothing that breaks a header line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          wildText,
          fc.array(fc.oneof(id, wildText)).map((parts) => parts.join(' ')),
        ),
        fc.integer({ min: 1, max: 5 }),
        (text, limit) => {
          const ids = parseMessageIds(text, limit)
          expect(ids.length).toBeLessThanOrEqual(limit)
          expect(new Set(ids).size).toBe(ids.length)
          for (const each of ids) {
            expect(each).toMatch(/^<[^<>\s]+>$/)
            expect(each).not.toMatch(harmful)
            expect(each.length).toBeLessThanOrEqual(998)
          }
          expect(parseMessageIds(ids.join(' '))).toEqual(ids)
        },
      ),
    )
  })

  it('are the last ones when there are too many', () => {
    expect(parseMessageIds('<1@a> <2@a> <3@a>', 2)).toEqual(['<2@a>', '<3@a>'])
  })

  it('of millions of brackets are read without stalling', () => {
    expect(parseMessageIds('<'.repeat(5_000_000))).toEqual([])
    expect(parseMessageIds('<a'.repeat(2_000_000))).toEqual([])
  })
})

describe('the References of a reply (RFC 5322 §3.6.4)', () => {
  it.each([
    ['the first message', { ...nothing, messageId: '<a@x>' }, ['<a@x>']],
    ['a reply with References', { messageId: '<c@x>', inReplyTo: '<b@x>', references: ['<a@x>', '<b@x>'] }, ['<a@x>', '<b@x>', '<c@x>']],
    ['a reply with In-Reply-To alone', { messageId: '<c@x>', inReplyTo: '<b@x>', references: [] }, ['<b@x>', '<c@x>']],
    ['a message that names itself', { messageId: '<a@x>', inReplyTo: null, references: ['<a@x>', '<b@x>'] }, ['<b@x>', '<a@x>']],
    ['a message without an identifier', { ...nothing, references: ['<a@x>'] }, ['<a@x>']],
    ['nothing', nothing, []],
  ])('to %s', (_, parent, references) => {
    expect(referencesForReply(parent)).toEqual(references)
  })

  it('keeps the root, ends with the parent, and stays short', () => {
    fc.assert(
      fc.property(fc.uniqueArray(id, { minLength: 1, maxLength: 120 }), (ids) => {
        const parent = { messageId: ids.at(-1) ?? '', inReplyTo: null, references: ids.slice(0, -1) }
        const references = referencesForReply(parent)
        expect(references.length).toBeLessThanOrEqual(50)
        expect(references.at(-1)).toBe(parent.messageId)
        expect(references[0]).toBe(ids[0])
      }),
    )
  })
})
