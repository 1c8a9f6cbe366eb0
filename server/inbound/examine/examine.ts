/** Has an arriving message examined: by a worker thread, whose questions about names are answered here. */
import type { Resolver, RrType, Timed } from '../../../dns/resolver.ts'
import type { Address } from '../../model/address.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Examination } from './examination.ts'
import type { NameQuestion } from './examine-message.ts'
import type { Workers } from './workers.ts'
import type { Client } from '../arrival.ts'

export type { Examination } from './examination.ts'

/** Null when there is no room for it now: nothing is wrong with the message, and it may come again. */
export type Examine = (message: { bytes: Buffer; client: Client; reversePath: Address | null }) => Promise<Examination | null>

export type ExaminerDeps = { workers: Workers; hostname: string; resolver: Resolver; clock: Clock }

/** RFC 7208 §4.6.4 wants at least 20 s for SPF; all tests together get that, from their first question on. */
const timeLimitMs = 20_000

let examiners = 0

export function createExaminer({ workers, hostname, resolver, clock }: ExaminerDeps): Examine {
  const examiner = ++examiners
  return async (message) => {
    const names = createQuestions(resolver, clock)
    try {
      return await workers.examine(
        { ...message, hostname, examiner },
        { answer: (about) => names.answer(about as NameQuestion), giveUp: names.giveUp },
      )
    } finally {
      names.end()
    }
  }
}

const tooLate: Timed<RrType> = { answer: { kind: 'failed', reason: 'ETIMEOUT' }, validUntil: 0, authenticated: false }

/** The questions of one message. When its time is over every answer is a failure of the DNS, so that what still runs ends soon. */
function createQuestions(
  resolver: Resolver,
  clock: Clock,
): { answer(about: NameQuestion): Promise<Timed<RrType>>; giveUp(): void; end(): void } {
  const late = Promise.withResolvers<Timed<RrType>>()
  let alarm: { cancel(): void } | null = null
  const ask = async ({ name, rrtype }: NameQuestion): Promise<Timed<RrType>> => {
    try {
      return await resolver.timed(name, rrtype)
    } catch {
      return tooLate
    }
  }
  return {
    answer(about) {
      alarm ??= clock.at(clock.now() + timeLimitMs, () => late.resolve(tooLate))
      return Promise.race([ask(about), late.promise])
    },
    giveUp: () => late.resolve(tooLate),
    end: () => alarm?.cancel(),
  }
}
