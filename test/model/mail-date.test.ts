import { expect, it } from 'vitest'
import { mailDate } from '../../server/model/mail-date.ts'

it.each([
  ['2026-11-22T10:00:00.999Z', 'Sun, 22 Nov 2026 10:00:00 +0000'],
  // RFC 5322 §3.3 lets a day have one digit or two; ours always has two.
  ['2026-03-02T09:05:07Z', 'Mon, 02 Mar 2026 09:05:07 +0000'],
])('%s is %s', (iso, written) => {
  expect(mailDate(Date.parse(iso))).toBe(written)
})
