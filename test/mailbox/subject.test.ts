import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { baseSubject, displaySubject, isForward } from '../../server/mailbox/subject.ts'

describe('a subject', () => {
  it.each([
    ['Lunch', 'Lunch', 'lunch'],
    ['Re: Lunch', 'Lunch', 'lunch'],
    ['RE: Fwd: re: Lunch', 'Lunch', 'lunch'],
    ['AW: WG: Mittag', 'Mittag', 'mittag'],
    ['SV: VS: Lunch', 'Lunch', 'lunch'],
    ['Re[2]: Lunch', 'Lunch', 'lunch'],
    ['回复：午饭', '午饭', '午饭'],
    ['Re: [list] Re: Lunch (fwd)', '[list] Re: Lunch (fwd)', 'lunch'],
    ['[Fwd: Lunch]', '[Fwd: Lunch]', 'lunch'],
    ['R: Pranzo', 'R: Pranzo', 'pranzo'],
    ['[list]', '[list]', '[list]'],
    ['Re:', '', ''],
    ['Research: Lunch', 'Research: Lunch', 'research: lunch'],
    ['  Lunch \r\n at\t noon ', 'Lunch at noon', 'lunch at noon'],
  ])('%j is shown as %j and compared as %j', (subject, shown, base) => {
    expect([displaySubject(subject), baseSubject(subject)]).toEqual([shown, base])
  })

  it.each([
    ['Fwd: Lunch', true],
    ['WG: Mittag', true],
    ['TR : Midi', true],
    ['Re: Fwd: Lunch', false],
    ['Forward', false],
  ])('%j is a forward: %s', (subject, expected) => {
    expect(isForward(subject)).toBe(expected)
  })

  it('of any kind has the same base after any number of replies', () => {
    fc.assert(
      fc.property(fc.string(), fc.array(fc.constantFrom('Re: ', 'Fwd: ', 'AW:', '[x] '), { maxLength: 20 }), (subject, prefixes) => {
        // A subject that is nothing but prefixes or tags has no base to keep.
        fc.pre(!/[:：\][]/.test(subject) && subject.trim() !== '')
        expect(baseSubject(prefixes.join('') + subject)).toBe(baseSubject(subject))
      }),
    )
  })
})
