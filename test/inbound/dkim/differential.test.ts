/** Our verifier beside that of mailauth in its strict mode, which goes by the letter of RFC 6376. Where they differ is named in `isUnclean`. */
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { subjectOf } from '../../../server/inbound/dkim/verify.ts'
import { splitMessage } from '../../../server/model/headers.ts'
import { anyChange, anyLetter, anyWay, byHand, changed, mailauths, ours, signed } from './signed-letters.ts'

const runs = Number(process.env['DKIM_RUNS'] ?? 150)
const timeout = 20_000 + runs * 50

/** Only CRLF ends a line in what arrives; the listener refuses the rest. */
const onlyCrlf = (message: Buffer): Buffer => Buffer.from(message.toString('latin1').replaceAll(/(?<!\r)\n/g, ''), 'latin1')

const outcomes = <T extends { result: string }>(all: readonly T[], more: (one: T) => unknown): unknown[] =>
  all.map((one) => (one.result === 'pass' ? ['pass', more(one)] : one.result))

it(
  'finds what mailauth finds in a letter that is as it was signed',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyLetter, fc.array(anyWay, { minLength: 1, maxLength: 3 }), async (letter, how) => {
        const message = await signed(onlyCrlf(letter), how)
        const found = outcomes(await ours(message), (one) => [one.signed.length, one.unsigned])
        expect(found).toEqual(outcomes(await mailauths(message), (one) => [one.signed, one.unsigned]))
        expect(found).toHaveLength(how.length)
      }),
      { numRuns: runs },
    )
  },
  timeout,
)

it(
  'lets pass what mailauth lets pass, and nothing else, when a letter was changed on its way',
  async () => {
    await fc.assert(
      fc.asyncProperty(anyLetter, anyWay, fc.array(anyChange, { minLength: 1, maxLength: 2 }), async (letter, how, changes) => {
        const message = onlyCrlf(changes.reduce(changed, await signed(onlyCrlf(letter), [how])))
        const [one] = await ours(message)
        const [its] = await mailauths(message)
        const passes = [one?.result === 'pass', its?.result === 'pass']
        if (one?.result === 'pass' || !isUnclean(message)) expect(passes).toEqual([passes[1], passes[1]])
        if (one?.result === 'pass') expect([one.signed.length, one.unsigned]).toEqual([its?.signed, its?.unsigned])
        if (one?.result === 'policy') expect(its?.result).toBe('policy')
      }),
      { numRuns: runs },
    )
  },
  timeout,
)

it(
  'lets nothing pass by a line end that is none, or by a tag that is there twice, that mailauth in any mode does not',
  async () => {
    await fc.assert(
      fc.asyncProperty(
        anyLetter,
        anyWay,
        anyChange,
        fc.constantFrom('\n', '\r', '\n\n', '\r\r\n'),
        async (letter, how, change, lineEnd) => {
          const message = changed(changed(await signed(letter, [how]), change), { ...change, put: lineEnd, at: (change.at * 7) % 1 })
          const passing = (await ours(message)).filter(({ result }) => result === 'pass')
          const lenient = (await mailauths(message, { strict: false })).filter(({ result }) => result === 'pass')
          expect(passing.length).toBeLessThanOrEqual(lenient.length)
        },
      ),
      { numRuns: runs },
    )
  },
  timeout,
)

it('counts a line to the field above it when a CR alone stands before its colon, which mailauth takes for a field of its own', async () => {
  const message = byHand().toString('latin1').replace('Subject: Lunch\r\n', 'Subject: Lunch\r\nX\r : y\r\n')
  const results = [await ours(Buffer.from(message, 'latin1')), await mailauths(Buffer.from(message, 'latin1'))]
  expect(results.map(([one]) => one?.result)).toEqual(['fail', 'pass'])
})

/**
 * What mailauth overlooks in a signature and we do not: an octet in `b=` or `bh=` that is no base64 (RFC 6376 §2.10), a control character, a line
 * that goes on without a blank (§2.8), half of a `c=` (§3.5). All of them can be made of a signature that passes, and no signer makes them.
 * And a CR alone between the name of any field and its colon.
 */
function isUnclean(message: Buffer): boolean {
  const { rows, text } = subjectOf(splitMessage(message))
  if (/(?:^|\n)[!-9;-~]+\s*\r(?!\n)\s*:/.test(text)) return true
  const { start = 0, end = 0 } = rows.find(({ name }) => name === 'dkim-signature') ?? {}
  // oxlint-disable-next-line no-control-regex -- they are what it looks for
  return /[\0-\x08\x0b-\x0c\x0e-\x1f\x7f]|\r(?!\n[ \t])|;\s*bh?\s*=[^;]*[^A-Za-z0-9+/=\s;]|;\s*bh?\s*=[^;]*=\s*[^=;\s]|c=(?:[a-z]*\/\s*;|\/)/i.test(
    text.slice(start, end),
  )
}
