import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ThreadCandidate, type ThreadClues, ancestorIds, findThreadOf } from '../../server/mailbox/threading.ts'
import type { ThreadId } from '../../server/model/ids.ts'

const have = (threadId: string, messageId: string, subject = 'Lunch'): ThreadCandidate => ({
  threadId: threadId as ThreadId,
  messageId,
  subject,
})
const clues = (some: Partial<ThreadClues>): ThreadClues => ({ inReplyTo: [], references: [], subject: 'Re: Lunch', ...some })
const ours = [have('lunch', '<1@x>'), have('lunch', '<2@x>'), have('dinner', '<3@x>', 'Dinner')]

describe('the thread of an email', () => {
  it.each<[what: string, clues: ThreadClues, thread: string | null]>([
    ['that answers nothing', clues({}), null],
    ['that answers one we do not have', clues({ inReplyTo: ['<9@x>'], references: ['<8@x>', '<9@x>'] }), null],
    ['that answers ours', clues({ inReplyTo: ['<2@x>'] }), 'lunch'],
    ['that answers ours under a new subject', clues({ inReplyTo: ['<2@x>'], subject: 'Moved to one' }), 'lunch'],
    ['that names several parents: the last counts', clues({ inReplyTo: ['<1@x>', '<3@x>'] }), 'dinner'],
    [
      'whose parent we lack, with an older ancestor of the same subject',
      clues({ inReplyTo: ['<9@x>'], references: ['<1@x>', '<9@x>'] }),
      'lunch',
    ],
    ['with ancestors of two threads: the newest counts', clues({ references: ['<3@x>', '<1@x>'] }), 'lunch'],
    ['with an ancestor of another subject only', clues({ references: ['<3@x>'] }), null],
    ['begun from an old one under a new subject', clues({ references: ['<1@x>', '<2@x>'], subject: 'Invoice' }), null],
    ['whose subject differs by prefixes and tags only', clues({ references: ['<1@x>'], subject: 'AW: [list] Lunch (fwd)' }), 'lunch'],
    ['with the same subject and no reference', clues({ subject: 'Lunch' }), null],
  ])('%s', (_what, given, thread) => {
    expect(findThreadOf(given, ours)).toBe(thread)
  })

  it('is that of the latest of several emails with one Message-ID', () => {
    expect(findThreadOf(clues({ inReplyTo: ['<1@x>'] }), [have('old', '<1@x>'), have('new', '<1@x>')])).toBe('new')
  })

  it('is looked for among the nearest fifty ancestors', () => {
    const references = Array.from({ length: 200 }, (_, at) => `<${at}@x>`)
    expect(ancestorIds(clues({ inReplyTo: ['<p@x>'], references }))).toEqual(['<p@x>', ...references.slice(-49).toReversed()])
  })

  it('is null or one of the candidates, whatever the clues', () => {
    const id = fc.integer({ min: 0, max: 5 }).map((at) => `<${at}@x>`)
    const candidate = fc.record({ threadId: fc.constantFrom('a', 'b').map((at) => at as ThreadId), messageId: id, subject: fc.string() })
    fc.assert(
      fc.property(
        fc.record({ inReplyTo: fc.array(id), references: fc.array(id), subject: fc.string() }),
        fc.array(candidate),
        (given, candidates) => {
          expect([null, ...candidates.map((one) => one.threadId)]).toContain(findThreadOf(given, candidates))
        },
      ),
    )
  })
})
