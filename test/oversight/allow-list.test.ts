import fc from 'fast-check'
import { expect, it } from 'vitest'
import { parsePattern } from '../../server/oversight/allow-list.ts'

it.each([
  ['Bo@Remote.test', 'bo@remote.test'],
  [' bo@remote.test ', 'bo@remote.test'],
  ['*@REMOTE.test', '*@remote.test'],
  ['*@bücher.test', '*@xn--bcher-kva.test'],
  ['"bo"@remote.test', 'bo@remote.test'],
  ['*', null],
  ['*@', null],
  ['*@*', null],
  ['*@test', null],
  ['bo@test', null],
  ['*@*.remote.test', null],
  ['b*@remote.test', null],
  ['**@remote.test', null],
  ['@remote.test', null],
  ['remote.test', null],
  ['bo@remote.test, x@y.test', null],
  ['bo@remote.test\r\nx', null],
  [`${'a'.repeat(250)}@remote.test`, null],
])('%j is kept as %j', (text, kept) => {
  expect(parsePattern(text)).toBe(kept)
})

it('what is kept is kept as it is, and is one address or one domain', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.emailAddress(),
        fc.domain().map((domain) => `*@${domain}`),
      ),
      (text) => {
        const kept = parsePattern(text)
        if (kept === null) return
        expect(parsePattern(kept)).toBe(kept)
        expect(kept.lastIndexOf('*')).toBeLessThanOrEqual(0)
        if (kept.startsWith('*')) expect(kept[1]).toBe('@')
      },
    ),
  )
})
