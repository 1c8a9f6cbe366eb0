/**
 * How people decide, for the operator who wants to know (docs/ladder.md).
 *
 * Promises: nothing is noted unless the operator has chosen it, and with that choice what was noted here goes; a decision's entry in the log keeps its time. Only an operator is shown it. Bounded: the newest
 * `mostDecisions` of eight weeks, by an index; what is older than half a year is forgotten.
 */
import type { Tenancy } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Job } from '../../platform/periodic.ts'
import type { Store } from '../../store/db.ts'
import { areReviewsTimed, forgetReviewTimes, namesOfPeople, reviewTimesSince } from '../../store/review-times.ts'
import { type Figures, type ReviewerFigures, reportOf, reportWeeks } from './report.ts'

const day = 24 * 60 * 60_000
const mostDecisions = 5_000
const keptMs = { opened: 30 * day, decided: 180 * day }

/** `name` null: they are not here any more. `isComplete` false: there were more decisions in these weeks. */
export type ReviewReport = {
  isOn: boolean
  weeks: number
  isComplete: boolean
  all: Figures
  reviewers: (ReviewerFigures & { name: string | null })[]
}

export type Reviewers = {
  report(tenancy: Tenancy): Promise<ReviewReport>
  /** Each day. */
  readonly jobs: readonly Job[]
}

export const createReviewers = ({ store, clock }: { store: Store; clock: Clock }): Reviewers => ({
  async report(tenancy) {
    const now = clock.now()
    const times = await reviewTimesSince(store.db, tenancy, now - reportWeeks * 7 * day, mostDecisions + 1)
    const { all, reviewers } = reportOf(times.slice(0, mostDecisions), now)
    const names = await namesOfPeople(
      store.db,
      reviewers.map(({ personId }) => personId),
    )
    return {
      isOn: await areReviewsTimed(store.db, tenancy),
      weeks: reportWeeks,
      isComplete: times.length <= mostDecisions,
      all,
      reviewers: reviewers.map((one) => ({ ...one, name: names.get(one.personId) ?? null })),
    }
  },
  jobs: [
    {
      name: 'review-times-cleaning',
      schedule: '37 4 * * *',
      work: (now) => forgetReviewTimes(store.db, { opened: now - keptMs.opened, decided: now - keptMs.decided }),
    },
  ],
})
