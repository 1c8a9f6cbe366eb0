import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extractNewText } from '../../server/mailbox/extract.ts'

/** As the programs write them; what is new is always the same two lines. */
const fresh = 'One is fine.\n\nSee you there.'
const replies: [program: string, text: string][] = [
  ['nothing but new text', fresh],
  ['Gmail', `${fresh}\n\nOn Mon, Nov 23, 2026 at 10:00 AM Ann <ann@ours.test> wrote:\n\n> Lunch at noon?\n>\n> Ann\n`],
  ['Gmail, wrapped', `${fresh}\n\nOn Mon, Nov 23, 2026 at 10:00 AM Ann the Agent of Ours Limited\n<ann@ours.test> wrote:\n\n> Lunch?\n`],
  ['Gmail in German', `${fresh}\n\nAm Mo., 23. Nov. 2026 um 10:00 Uhr schrieb Ann <ann@ours.test>:\n\n> Mittag?\n`],
  ['Gmail in French', `${fresh}\n\nLe lun. 23 nov. 2026 à 10:00, Ann <ann@ours.test> a écrit :\n\n> Midi ?\n`],
  ['Gmail in Spanish', `${fresh}\n\nEl lun, 23 nov 2026 a las 10:00, Ann (<ann@ours.test>) escribió:\n\n> ¿Comida?\n`],
  ['Gmail in Dutch', `${fresh}\n\nOp ma 23 nov 2026 om 10:00 schreef Ann <ann@ours.test>:\n\n> Lunch?\n`],
  ['Gmail in Chinese', `${fresh}\n\nAnn <ann@ours.test> 于2026年11月23日周一 10:00写道：\n\n> 午饭？\n`],
  ['a phone with only the address', `${fresh}\n\n2026-11-23 10:00 GMT+01:00 Ann <ann@ours.test>:\n> Lunch?\n`],
  ['Apple Mail', `${fresh}\n\n> On 23 Nov 2026, at 10:00, Ann <ann@ours.test> wrote:\n> \n> Lunch at noon?\n`],
  ['Apple Mail in German', `${fresh}\n\nAm 23.11.2026 um 10:00 schrieb Ann <ann@ours.test>:\n\n> Mittag?\n\n`],
  ['iPhone', `${fresh}\n\nSent from my iPhone\n\n> On 23 Nov 2026, at 10:00, Ann <ann@ours.test> wrote:\n> \n> Lunch?\n`],
  ['iPhone in German', `${fresh}\n\nVon meinem iPhone gesendet\n\n> Am 23.11.2026 um 10:00 schrieb Ann <ann@ours.test>:\n> \n> Mittag?\n`],
  ['Thunderbird', `${fresh}\n\nOn 23/11/2026 10:00, Ann wrote:\n> Lunch at noon?\n>\n>> Earlier\n`],
  ['Thunderbird, answered below', `On 23/11/2026 10:00, Ann wrote:\n> Lunch at noon?\n\n${fresh}\n`],
  ['Thunderbird in German', `Am 23.11.26 um 10:00 schrieb Ann:\n> Mittag?\n\n${fresh}\n\n-- \nBo Bossen\nRemote GmbH\n`],
  ['Thunderbird in French', `${fresh}\n\nLe 23/11/2026 à 10:00, Ann a écrit :\n> Midi ?\n`],
  [
    'Outlook',
    `${fresh}\n\nFrom: Ann <ann@ours.test>\nSent: Monday, November 23, 2026 10:00 AM\nTo: Bo <bo@remote.test>\nSubject: Lunch\n\nLunch at noon?\n`,
  ],
  [
    'Outlook on the web',
    `${fresh}\n________________________________\nFrom: Ann <ann@ours.test>\nSent: Monday, November 23, 2026 10:00\nTo: Bo\nSubject: Lunch\n\nLunch?\n`,
  ],
  [
    'Outlook in German',
    `${fresh}\n\nVon: Ann <ann@ours.test>\nGesendet: Montag, 23. November 2026 10:00\nAn: Bo <bo@remote.test>\nBetreff: Mittag\n\nMittag?\n`,
  ],
  [
    'Outlook in French',
    `${fresh}\n\nDe : Ann <ann@ours.test>\nEnvoyé : lundi 23 novembre 2026 10:00\nÀ : Bo <bo@remote.test>\nObjet : Midi\n\nMidi ?\n`,
  ],
  [
    'Outlook for phones',
    `${fresh}\n\nGet Outlook for iOS<https://aka.ms/o0ukef>\n________________________________\nFrom: Ann <ann@ours.test>\nSent: Monday, November 23, 2026\nTo: Bo\nSubject: Lunch\n\nLunch?\n`,
  ],
  [
    'old Outlook',
    `${fresh}\n\n-----Original Message-----\nFrom: Ann [mailto:ann@ours.test]\nSent: Monday\nTo: Bo\nSubject: Lunch\n\nLunch?\n`,
  ],
  ['old Outlook in German', `${fresh}\n\n-----Ursprüngliche Nachricht-----\nVon: Ann\nGesendet: Montag\n\nMittag?\n`],
  [
    'Outlook’s HTML as our Markdown',
    `${fresh}\n\n**From:** Ann <ann@ours.test>  \n**Sent:** Monday, November 23, 2026 10:00 AM  \n**To:** Bo  \n**Subject:** Lunch\n\nLunch?\n`,
  ],
  [
    'Gmail’s HTML as our Markdown',
    `${fresh}\n\nOn Mon, Nov 23, 2026 at 10:00 AM Ann <[ann@ours.test](mailto:ann@ours.test)> wrote:\n\n> Lunch?\n`,
  ],
  ['an unquoted history', `${fresh}\n\nOn Mon, 23 Nov 2026 10:00:00 +0000, Ann <ann@ours.test> wrote:\n\nLunch at noon?\n`],
  ['answers between the lines', `> Lunch at noon?\nOne is fine.\n\n> At the usual place?\nSee you there.\n`],
  ['a signature', `${fresh}\n\n-- \nBo\n+45 12 34 56 78\n`],
  ['a signature whose space was lost', `${fresh}\n--\nBo\n`],
]

describe('new text', () => {
  it.each(replies)('of %s', (_program, text) => {
    expect(extractNewText(text).replace(/\n+/g, '\n')).toBe(fresh.replace(/\n+/g, '\n'))
    expect(extractNewText(text.replaceAll('\n', '\r\n'))).toBe(extractNewText(text))
  })

  it.each([
    ['a sentence with From', 'From: the team, with love.\n\nYou asked on Monday what Ann wrote:\nnothing at all.'],
    ['a list of people', 'From: Oslo\nTo: Bergen\nPrice: 200'],
    ['a rule between paragraphs', 'One\n-----\nTwo\n==========\nThree'],
    ['a flag of a program', 'Run it with\n--\nand then'.concat('\nmore'.repeat(30))],
    ['words that begin an attribution', 'On Monday I wrote 3 letters:\nto Ann, Bo and Cy.'],
  ])('keeps %s', (_what, text) => {
    expect(extractNewText(text)).toBe(text)
  })

  it('of a forwarded letter is the whole: what is passed on is what it is about', () => {
    const text = `FYI\n\n---------- Forwarded message ---------\nFrom: Cy <cy@remote.test>\nDate: Mon, Nov 23, 2026\nSubject: Offer\nTo: Bo\n\nTen for two.`
    expect(extractNewText(text, { forwarded: true })).toBe(text)
  })

  it('is never empty when there was text', () => {
    const onlyQuoted = '> Lunch?\n> Ann'
    expect(extractNewText(onlyQuoted)).toBe(onlyQuoted)
    expect(extractNewText('-- \nBo')).toBe('-- \nBo')
    expect(extractNewText('   \n')).toBe('')
  })

  it('of any text is found without an exception, and empty only if the text is', () => {
    const line = fc.constantFrom(
      '> a',
      'On 1 Jan wrote:',
      'wrote:',
      '-- ',
      '--',
      'From: x',
      'Sent: 1',
      'To: y',
      '_____',
      '',
      'text',
      'Sent from my iPhone',
      '-----Original Message-----',
      '*\\*',
      '　',
      'Le 1 a écrit :',
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(line, { maxLength: 60 }).map((lines) => lines.join('\n')),
        ),
        fc.boolean(),
        (text, forwarded) => {
          expect(extractNewText(text, { forwarded }) === '').toBe(text.trim() === '')
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it.each([
    'Op x schreef y\n',
    'On 1 a wrote ',
    'Dnia 1 pisze:\n',
    '> ',
    'From: a\nSent: b\n',
    'abc. 1 skrev y\n',
    '-- \n',
    'Sent from x\n\n',
    'Le 1:\n',
  ])('of the longest text is found in a moment: %j', (piece) => {
    const text = piece.repeat(262_144 / piece.length)
    const before = process.cpuUsage()
    extractNewText(text)
    // It takes 0.2 s of processor time at most; anything that grows faster than the text would take minutes.
    expect(process.cpuUsage(before).user).toBeLessThan(2_000_000)
  })
})
