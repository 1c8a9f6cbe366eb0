/**
 * What speaks for giving a mailbox more autonomy, and what against it, from what reviewers decided and what became of its mail. Pure; nothing follows from it by
 * itself (design promise 4).
 */
import type { OversightMode } from '../../model/email.ts'
import type { EnforcementTier } from '../../model/standing.ts'
import { atLeast } from '../../model/wilson.ts'

/** Of emails that waited. `approved`: let go as the agent wrote them; `changed`: let go after a reviewer changed them. */
export type Decided = { approved: number; changed: number; rejected: number; expired: number }
export type DecidedBoth = { inbound: Decided; outbound: Decided }

export type Evidence = {
  mode: OversightMode
  days: number
  decided: DecidedBoth
  /** messages, one for each recipient */
  sent: { delivered: number; bounced: number; complained: number }
  /** how often it was lowered by itself */
  lowered: number
  standing: EnforcementTier | null
}

/** `share`: of what was decided, what was let go as it was; `atLeast` is the lower end of its 95 % interval. */
export type Share = { decided: number; approved: number; share: number | null; atLeast: number }
/** `target` null: nothing is suggested. `against`: why not, or why no further, in sentences. */
export type Suggestion = { target: OversightMode | null; words: string; against: string[]; share: Share }

/** A step, with what it takes: decisions about what it would no longer hold. */
type Step = { to: OversightMode; of: 'inbound' | 'outbound'; fewest: number; atLeast: number }
/** The furthest first. Nothing leads to autonomous: from monitored on nobody decides, so nothing was ever judged. */
const STEPS: Record<OversightMode, readonly Step[]> = {
  read_only: [],
  gated_all: [{ to: 'gated_send', of: 'inbound', fewest: 30, atLeast: 0.85 }],
  gated_send: [
    { to: 'monitored', of: 'outbound', fewest: 100, atLeast: 0.94 },
    { to: 'gated_new', of: 'outbound', fewest: 30, atLeast: 0.85 },
  ],
  gated_new: [{ to: 'monitored', of: 'outbound', fewest: 100, atLeast: 0.94 }],
  monitored: [],
  autonomous: [],
}
/** Where a warning begins (contract §12.2). */
const mostBounces = 0.02

export function shareOf({ approved, changed, rejected }: Decided): Share {
  const decided = approved + changed + rejected
  return { decided, approved, share: decided === 0 ? null : approved / decided, atLeast: atLeast(approved, decided) }
}

export function suggestionFor(evidence: Evidence): Suggestion {
  const { mode, decided, days } = evidence
  const steps = STEPS[mode]
  const [furthest] = steps
  const share = shareOf(decided[furthest?.of ?? 'outbound'])
  const facts = inWords(share, evidence)
  if (furthest === undefined) return { target: null, words: `${facts} Nothing is suggested: ${noSteps[mode] ?? ''}`, against: [], share }
  const troubles = troublesIn(evidence)
  const fits = troubles.length > 0 ? undefined : steps.find((step) => whyTooLittle(step, share, days) === null)
  const wanted = steps.flatMap((step) => whyTooLittle(step, share, days) ?? [])
  const words = fits === undefined ? `${facts} Nothing is suggested.` : `${facts} It may go to ${fits.to}.`
  return { target: fits?.to ?? null, words, against: [...troubles, ...(fits === furthest ? [] : wanted)], share }
}

const noSteps: Partial<Record<OversightMode, string>> = {
  read_only: 'its agent hands in nothing, so nothing was judged.',
  monitored: 'nobody decides on what it sends, so nothing was judged.',
  autonomous: 'there is no more to give.',
}

function troublesIn({ sent, lowered, standing, days }: Evidence): string[] {
  const messages = sent.delivered + sent.bounced
  return [
    ...(sent.complained > 0 ? [`It drew ${times(sent.complained, 'complaint')} in ${days} days.`] : []),
    ...(sent.bounced > mostBounces * messages ? [`${sent.bounced} of ${messages} messages bounced; more than 2 % are too many.`] : []),
    ...(lowered > 0 ? [`It was lowered by itself ${lowered === 1 ? 'once' : `${lowered} times`} in ${days} days.`] : []),
    ...(standing === null ? [] : [`It does not stand well: ${standing}.`]),
  ]
}

/** Null: it is enough. */
function whyTooLittle({ to, fewest, atLeast: least }: Step, share: Share, days: number): string | null {
  if (share.decided < fewest) return `For ${to} it takes ${fewest} decisions in ${days} days, and there were ${share.decided}.`
  if (share.atLeast < least)
    return `For ${to} the share of what is let go as it was has to be ${percent(least)} at the least that it may well be, and that is ${percent(share.atLeast)}.`
  return null
}

const inWords = ({ approved, decided }: Share, { sent, days }: Evidence): string =>
  `${approved} of ${decided} were approved as they were in ${days} days, with ${times(sent.complained, 'complaint')} and ${times(sent.bounced, 'bounce')}.`

const times = (count: number, what: string): string => `${count === 0 ? 'no' : count} ${what}${count === 1 ? '' : 's'}`
/** Downwards, so that what is said to be enough is. */
const percent = (share: number): string => `${Math.floor(share * 1000) / 10} %`
