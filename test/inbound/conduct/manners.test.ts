import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type Manners,
  type Step,
  type Tolerance,
  afterMessage,
  afterReply,
  atFirst,
  calmTolerance,
  strainedTolerance,
} from '../../../server/inbound/conduct/manners.ts'
import { type Reply, parseReply } from '../../../server/model/reply.ts'

const reply = (text: string): Reply => parseReply(text) ?? expect.fail(text)
/** `RCPT 550 5.1.1 …`, or `message 250 2.0.0 …`; '- 500 …' is no command at all. */
function step(manners: Manners, said: string, tolerance: Tolerance = calmTolerance): Step {
  const [verb = '', ...words] = said.split(' ')
  const answer = reply(words.join(' '))
  return verb === 'message' ? afterMessage(manners, answer, tolerance) : afterReply(manners, verb === '-' ? '' : verb, answer, tolerance)
}
function run(said: readonly string[], tolerance?: Tolerance): Step {
  let last: Step = { manners: atFirst, delayMs: 0, offence: null }
  for (const one of said) last = step(last.manners, one, tolerance)
  return last
}
const times = (count: number, said: string): string[] => Array.from({ length: count }, () => said)
const hello = 'EHLO 250 mx.ours.test'

describe('manners', () => {
  it.each<[string, string[], Partial<Step>]>([
    ['ten errors are free', times(10, 'MAIL 501 5.5.4 No'), { delayMs: 0, offence: null }],
    ['each further error waits a second', times(11, 'MAIL 501 5.5.4 No'), { delayMs: 1_000, offence: null }],
    ['the twentieth error is the last', times(20, 'MAIL 501 5.5.4 No'), { offence: 'errors' }],
    ['commands that lead nowhere are free up to a hundred', times(99, 'NOOP 250 2.0.0 OK'), { delayMs: 0, offence: null }],
    ['the hundredth is the last', times(100, 'NOOP 250 2.0.0 OK'), { offence: 'junk' }],
    ['RSET and VRFY are of these', [...times(50, 'RSET 250 2.0.0 OK'), ...times(50, 'VRFY 252 2.5.0 Perhaps')], { offence: 'junk' }],
    ['an unknown command is an error', times(20, 'FOO 500 5.5.2 What'), { offence: 'errors' }],
    ['five unknown recipients are free', times(5, 'RCPT 550 5.1.1 No such user'), { delayMs: 0, offence: null }],
    ['each further one waits five seconds', times(6, 'RCPT 550 5.1.1 No such user'), { delayMs: 5_000, offence: null }],
    ['the hundredth is the last', times(100, 'RCPT 550 5.1.1 No such user'), { offence: 'guessing' }],
    ['a refused message is an error', times(9, 'message 550 5.7.1 No'), { delayMs: 0, offence: null }],
    ['ten without a good one are the end', times(10, 'message 550 5.7.1 No'), { offence: 'bad-transactions' }],
    [
      'a good one among them and they are errors',
      ['message 250 2.0.0 Yes', ...times(19, 'message 550 5.7.1 No')],
      { delayMs: 1_000, offence: null },
    ],
    [
      'a transaction that is given up counts as bad',
      times(10, 'x').flatMap(() => ['MAIL 250 2.1.0 OK', 'RSET 250 2.0.0 OK']),
      { offence: 'bad-transactions' },
    ],
    ['RSET outside of one does not', times(10, 'RSET 250 2.0.0 OK'), { offence: null }],
    ['our own trouble is nobody’s error', times(200, 'RCPT 451 4.3.0 Local trouble'), { delayMs: 0, offence: null }],
    ['nor is a message we had no time for', times(200, 'message 451 4.3.1 Too many messages'), { delayMs: 0, offence: null }],
    ['nor are more recipients than fit', times(900, 'RCPT 452 4.5.3 Too many recipients'), { delayMs: 0, offence: null }],
    ['too much in a minute can be said a hundred times', times(99, 'MAIL 451 4.7.1 Later'), { delayMs: 0, offence: null }],
    [
      'what was pipelined behind a refused MAIL is one error, not fifty',
      ['MAIL 550 5.1.8 No', ...times(50, 'RCPT 503 5.5.1 MAIL must come first'), 'DATA 503 5.5.1 MAIL must come first'],
      { delayMs: 0, offence: null },
    ],
  ])('%s', (_what, said, expected) => {
    expect(run([hello, ...said])).toMatchObject(expected)
  })

  it('may say hello now and then, and not for ever', () => {
    expect(run([...times(20, hello), 'message 250 2.0.0 Yes', ...times(99, hello)])).toMatchObject({ offence: null })
    expect(run(times(101, hello))).toMatchObject({ offence: 'junk' })
  })

  it('forgives errors and junk after an accepted message, but no guessed names', () => {
    const bad = [...times(15, 'MAIL 501 5.5.4 No'), ...times(60, 'NOOP 250 2.0.0 OK'), ...times(50, 'RCPT 550 5.1.1 No such user')]
    const { manners } = run([hello, ...bad, 'message 250 2.0.0 Yes'])
    expect(manners).toMatchObject({ errors: 0, junk: 0, refusedRecipients: 50, accepted: true })
    expect(run([hello, ...bad, 'message 250 2.0.0 Yes', ...bad])).toMatchObject({ offence: 'guessing' })
  })

  it.each(['GET', 'POST', 'CONNECT', '', 'SSH-2.0-x', 'constructor'])('is shown the door when it begins with %j', (verb) => {
    expect(step(atFirst, `${verb === '' ? '-' : verb} 500 5.5.2 What`)).toMatchObject({ offence: 'not-smtp' })
    expect(run([hello, `${verb === '' ? '-' : verb} 500 5.5.2 What`])).toMatchObject({ offence: null })
  })

  it.each(['EHLO', 'HELO', 'QUIT', 'NOOP', 'STARTTLS', 'HELP', 'MAIL'])('may begin with %s', (verb) => {
    expect(step(atFirst, `${verb} 502 5.5.1 No`)).toMatchObject({ offence: null })
  })

  it.each<[string, string[], Partial<Step>]>([
    ['the first error is the last', ['MAIL 501 5.5.4 No'], { delayMs: 0, offence: 'errors' }],
    ['so is the first refused message', ['message 550 5.7.1 No'], { delayMs: 0, offence: 'errors' }],
    ['a list may have a few old addresses', times(4, 'RCPT 550 5.1.1 No such user'), { delayMs: 0, offence: null }],
    ['and no more', times(5, 'RCPT 550 5.1.1 No such user'), { delayMs: 0, offence: 'guessing' }],
    ['our own trouble still is ours', times(50, 'message 451 4.3.1 Too many messages'), { offence: null }],
  ])('in overload: %s', (_what, said, expected) => {
    expect(run([hello, ...said], strainedTolerance)).toMatchObject(expected)
  })

  const anything = fc
    .tuple(
      fc.constantFrom('EHLO', 'MAIL', 'RCPT', 'DATA', 'BDAT', 'RSET', 'NOOP', 'FOO', '-', 'message', 'QUIT', 'STARTTLS'),
      fc.constantFrom('250 2.0.0 x', '354 x', '451 4.3.0 x', '451 4.7.1 x', '452 4.5.3 x', '503 5.5.1 x', '550 5.1.1 x', '554 5.5.1 x'),
    )
    .map((words) => words.join(' '))

  it('never count below nothing, never forget a guessed name, and wait no longer than five seconds', () => {
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 120 }), fc.boolean(), (said, strained) => {
        let { manners } = run([hello])
        for (const one of said) {
          const next = step(manners, one, strained ? strainedTolerance : calmTolerance)
          expect([0, 1_000, 5_000]).toContain(next.delayMs)
          for (const count of ['errors', 'junk', 'refusedRecipients', 'badTransactions'] as const) {
            expect(next.manners[count]).toBeGreaterThanOrEqual(0)
            if (count === 'refusedRecipients') expect(next.manners[count]).toBeGreaterThanOrEqual(manners[count])
          }
          manners = next.manners
        }
      }),
    )
  })

  it('of an honest sender never lead anywhere: most recipients known, no more than ten mistakes between two letters', () => {
    const letter = fc.record({ mistakes: fc.nat(10), unknown: fc.nat(1), known: fc.integer({ min: 1, max: 20 }) })
    fc.assert(
      fc.property(fc.array(letter, { maxLength: 5 }), (letters) => {
        let { manners } = run([hello])
        for (const { mistakes, unknown, known } of letters) {
          const said = [
            ...times(mistakes, 'MAIL 501 5.5.4 No'),
            'MAIL 250 2.1.0 OK',
            ...times(unknown, 'RCPT 550 5.1.1 No such user'),
            ...times(known, 'RCPT 250 2.1.5 OK'),
            'DATA 354 Go ahead',
            'message 250 2.0.0 Yes',
          ]
          for (const one of said) {
            const next = step(manners, one)
            expect(next).toMatchObject({ delayMs: 0, offence: null })
            manners = next.manners
          }
        }
      }),
    )
  })
})
