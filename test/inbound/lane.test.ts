import { describe, expect, it, onTestFinished } from 'vitest'
import { type Lane, type Outcome, createLane } from '../../server/inbound/examine/lane.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Step } from '../support/stepping-thread.ts'

const file = new URL('../support/stepping-thread.ts', import.meta.url)

function open(options: { timeLimitMs?: number; atOnce?: number; maxWaiting?: number } = {}): Lane<string> {
  const sizes = { threads: 1, atOnce: 3, mostWeight: 1e6, heapMb: 64, youngMb: 16, timeLimitMs: 30_000, maxWaiting: 10 }
  const lane = createLane<string>({ name: 'test', file, log: silentLog, ...sizes, ...options })
  onTestFinished(() => lane.close())
  return lane
}

/** @param answer what the job is told when it asks */
const run = (lane: Lane<string>, steps: readonly Step[], answer: Promise<unknown> = Promise.resolve(null)): Promise<Outcome<string>> =>
  lane.run({ prepare: () => ({ input: steps, transfer: [] }), answer: () => answer, weight: 1, hurry: () => {}, origin: [] })

describe('a job that ends its thread', () => {
  it('between two of its steps has come as far as it came itself, not as far as one beside it', async () => {
    const lane = open()
    const [culprit, other] = [run(lane, [1, 'rest', 'rest', 'rest', 'exit']), run(lane, [4])]
    expect(await other).toEqual({ kind: 'done', value: 'ended' })
    expect(await culprit).toMatchObject({ kind: 'died', stage: 1 })
  })

  it('takes nobody with it that had waited for an answer: that one begins anew, and ends as far as it came', async () => {
    const lane = open()
    const answer = Promise.withResolvers<null>()
    const asking = run(lane, [2, 'ask', 'rest', 'exit'], answer.promise)
    expect(await run(lane, [4, 'rest', 'exit'])).toMatchObject({ kind: 'died', stage: 4 })
    answer.resolve(null)
    expect(await asking).toMatchObject({ kind: 'died', stage: 2 })
  })

  it('by going on for ever in short steps is the one that is ended, whoever has just begun beside it', async () => {
    const lane = open({ timeLimitMs: 250 })
    const endless: Outcome<string>[] = []
    void run(lane, [3, 'go on']).then((outcome) => endless.push(outcome))
    const others: Outcome<string>[] = []
    while (endless.length === 0) others.push(await run(lane, [1, 'rest']))
    expect(endless).toMatchObject([{ kind: 'stuck', stage: 3 }])
    expect(others.every(({ kind }) => kind === 'done')).toBe(true)
  })
})
