/**
 * What the decisions of people say of how they decide: how long they look, how much they let go, and whether that changes. Pure.
 *
 * It is about whether emails are read, so it says little of few decisions, and test emails stand by themselves: they are no judgement about an agent.
 */
import type { PersonId } from '../../model/ids.ts'
import type { ReviewTime } from '../../store/review-times.ts'

const weekMs = 7 * 24 * 60 * 60_000
/** What is looked at, and how many weeks of it are "lately". */
export const reportWeeks = 8
const latelyWeeks = 2
/** Nobody has read an email by then. */
export const hastyMs = 2_000
/** Fewer say nothing. */
const [fewestTimes, fewestOfHalf, fewestForAlways] = [20, 20, 50]
const hastyShare = 0.5
const driftOfRate = 0.1
const driftOfTime = 0.5

/** `startsAt`: epoch ms. `rate`: approved of decided; null when nothing was decided. */
export type Week = { startsAt: number; decided: number; approved: number; rate: number | null }
export type Figures = {
  decided: number
  approved: number
  rate: number | null
  /** of decisions on what they were shown before */
  medianMs: number | null
  /** approvals within `hastyMs` of being shown it */
  hasty: number
  /** decisions on what they had not been shown */
  unseen: number
  canaries: { rejected: number; missed: number }
  /** the oldest first */
  weeks: Week[]
  /** the rate of the last two weeks less that of the weeks before; null: too few of either */
  drift: number | null
  warnings: string[]
}
export type ReviewerFigures = Figures & { personId: PersonId }

/** @param times of the last `reportWeeks` weeks, in any order. @returns the figures of all, and of each, those with most decisions first */
export function reportOf(times: readonly ReviewTime[], now: number): { all: Figures; reviewers: ReviewerFigures[] } {
  const each = [...Map.groupBy(times, ({ person_id }) => person_id)]
  const reviewers = each.map(([personId, own]) => ({ personId, ...figuresOf(own, now) }))
  return {
    // Warnings are about somebody.
    all: { ...figuresOf(times, now), warnings: [] },
    reviewers: reviewers.toSorted((one, other) => other.decided - one.decided || (one.personId < other.personId ? -1 : 1)),
  }
}

function figuresOf(times: readonly ReviewTime[], now: number): Figures {
  const real = times.filter(({ is_canary }) => is_canary === 0)
  const canaries = times.filter(({ is_canary }) => is_canary === 1)
  const since = now - latelyWeeks * weekMs
  const [lately, before] = [real.filter(({ decided_at }) => decided_at >= since), real.filter(({ decided_at }) => decided_at < since)]
  const figures = {
    decided: real.length,
    approved: approvedIn(real),
    rate: rateOf(real),
    medianMs: median(real),
    hasty: real.filter(isHasty).length,
    unseen: real.filter(({ time_ms }) => time_ms === null).length,
    canaries: { rejected: canaries.length - approvedIn(canaries), missed: approvedIn(canaries) },
    weeks: weeksOf(real, now),
    drift: driftBetween(before, lately),
  }
  return {
    ...figures,
    warnings: warningsOf(figures, real, { before: median(before), lately: median(lately), areEnough: areEnough(before, lately) }),
  }
}

const isApproval = ({ action }: ReviewTime): boolean => action === 'approve'
const approvedIn = (times: readonly ReviewTime[]): number => times.filter(isApproval).length
const isHasty = (time: ReviewTime): boolean => isApproval(time) && time.time_ms !== null && time.time_ms < hastyMs
const rateOf = (times: readonly ReviewTime[]): number | null => (times.length === 0 ? null : approvedIn(times) / times.length)

function median(times: readonly ReviewTime[]): number | null {
  const sorted = times.flatMap(({ time_ms }) => (time_ms === null ? [] : [time_ms])).toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  const [low, high] = [sorted[sorted.length % 2 === 0 ? middle - 1 : middle], sorted[middle]]
  return low === undefined || high === undefined ? null : Math.round((low + high) / 2)
}

function weeksOf(times: readonly ReviewTime[], now: number): Week[] {
  return Array.from({ length: reportWeeks }, (_, at) => {
    const startsAt = now - (reportWeeks - at) * weekMs
    const own = times.filter(({ decided_at }) => decided_at >= startsAt && (decided_at < startsAt + weekMs || at === reportWeeks - 1))
    return { startsAt, decided: own.length, approved: approvedIn(own), rate: rateOf(own) }
  })
}

const areEnough = (before: readonly ReviewTime[], lately: readonly ReviewTime[]): boolean =>
  before.length >= fewestOfHalf && lately.length >= fewestOfHalf

function driftBetween(before: readonly ReviewTime[], lately: readonly ReviewTime[]): number | null {
  const [then, now] = [rateOf(before), rateOf(lately)]
  return then === null || now === null || !areEnough(before, lately) ? null : now - then
}

type Medians = { before: number | null; lately: number | null; areEnough: boolean }

function warningsOf(
  figures: Omit<Figures, 'warnings'>,
  real: readonly ReviewTime[],
  { before, lately, areEnough: compares }: Medians,
): string[] {
  const { decided, approved, hasty, canaries, drift } = figures
  const timed = real.filter((one) => isApproval(one) && one.time_ms !== null).length
  const tested = canaries.rejected + canaries.missed
  return [
    ...(timed >= fewestTimes && hasty >= hastyShare * timed
      ? [`${hasty} of ${timed} approvals came within ${hastyMs / 1000} seconds.`]
      : []),
    ...(decided >= fewestForAlways && approved === decided ? [`All of ${decided} emails were approved.`] : []),
    ...(canaries.missed > 0 ? [`${canaries.missed} of ${tested} test emails were approved.`] : []),
    ...(drift !== null && drift >= driftOfRate
      ? [`${points(drift)} more of a hundred are approved than before the last ${latelyWeeks} weeks.`]
      : []),
    ...(compares && before !== null && lately !== null && lately < driftOfTime * before
      ? [`An email is looked at for ${seconds(lately)} in the last ${latelyWeeks} weeks, and was for ${seconds(before)} before.`]
      : []),
  ]
}

const points = (share: number): number => Math.round(share * 100)
const seconds = (ms: number): string => `${Math.round(ms / 100) / 10} seconds`
