import { expect, it } from 'vitest'
import { isMediaType } from '../../server/model/media-type.ts'

it.each([
  ['application/pdf', true],
  ['Text/PLAIN', true],
  ['application/vnd.oasis.opendocument.text', true],
  [`a/${'b'.repeat(127)}`, true],
  [`a/${'b'.repeat(128)}`, false],
  ['text/plain; charset=utf-8', false],
  ['text/plain\r\nX-Evil: 1', false],
  ['text/plain\n', false],
  ['text', false],
  ['/plain', false],
  ['.hidden/type', false],
  ['', false],
])('%j: %s', (text, answer) => {
  expect(isMediaType(text)).toBe(answer)
})
