/**
 * Gathers what was decided about a mailbox's mail, and what became of it (suggestion.ts judges).
 *
 * Promise: bounded, however much a mailbox sends: the newest `mostDecisions` of 30 days in each direction, by an index.
 */
import { domainOf } from '../../model/address.ts'
import type { Clock } from '../../platform/clock.ts'
import { type EndedHold, changedWhileHeld, endedHolds, recipientsOf } from '../../store/decided.ts'
import type { Store } from '../../store/db.ts'
import { countLowered } from '../../store/mode-findings.ts'
import type { Row } from '../../store/schema.ts'
import { countsOf, standingOf } from '../../store/standings.ts'
import { type Decided, type Evidence, type Share, type Suggestion, shareOf, suggestionFor } from './suggestion.ts'

const days = 30
const dayMs = 24 * 60 * 60_000
export const mostDecisions = 500
const mostDomains = 20

/** What was decided of mail to one domain. */
export type OfDomain = { domain: string; decided: Decided; share: Share }
/** `isComplete` false: there are more decisions within the days. `domains`: those with most decisions first. */
export type Ladder = {
  evidence: Evidence
  suggestion: Suggestion
  shares: Record<'inbound' | 'outbound', Share>
  isComplete: boolean
  domains: OfDomain[]
}

export type Suggestions = { of(mailbox: Row<'mailboxes'>): Promise<Ladder> }

export const createSuggestions = ({ store, clock }: { store: Store; clock: Clock }): Suggestions => ({
  of: (mailbox) => gather(store, mailbox, clock.now()),
})

async function gather({ db }: Store, mailbox: Row<'mailboxes'>, now: number): Promise<Ladder> {
  const from = now - days * dayMs
  const ended = (direction: 'inbound' | 'outbound') => endedHolds(db, { mailboxId: mailbox.id, direction, from, limit: mostDecisions + 1 })
  const [inbound, outbound, sent, standing, lowered] = await Promise.all([
    ended('inbound'),
    ended('outbound'),
    countsOf(db, mailbox.id, days, now),
    standingOf(db, mailbox.id),
    countLowered(db, mailbox.id, from),
  ])
  const [into, out] = [inbound.slice(0, mostDecisions), outbound.slice(0, mostDecisions)]
  const ids = [...new Set(out.map(({ emailId }) => emailId))]
  const [changed, recipients] = await Promise.all([changedWhileHeld(db, ids), recipientsOf(db, ids)])
  const isChanged = ({ emailId }: EndedHold): boolean => changed.has(emailId)
  const decided = { inbound: count(into, isChanged), outbound: count(out, isChanged) }
  const evidence = { mode: mailbox.oversight_mode, days, decided, sent, lowered, standing: standing?.tier ?? null }
  const isComplete = inbound.length <= mostDecisions && outbound.length <= mostDecisions
  return {
    evidence,
    suggestion: suggestionFor(evidence),
    shares: { inbound: shareOf(decided.inbound), outbound: shareOf(decided.outbound) },
    isComplete,
    domains: byDomain(out, (hold) => (recipients.get(hold.emailId) ?? []).map(domainOf), isChanged),
  }
}

const count = (holds: readonly EndedHold[], isChanged: (hold: EndedHold) => boolean): Decided => ({
  approved: holds.filter((hold) => hold.state === 'approved' && !isChanged(hold)).length,
  changed: holds.filter((hold) => hold.state === 'approved' && isChanged(hold)).length,
  rejected: holds.filter(({ state }) => state === 'rejected').length,
  expired: holds.filter(({ state }) => state === 'expired').length,
})

/** An email to several domains counts for each of them. */
function byDomain(
  holds: readonly EndedHold[],
  domainsOf: (hold: EndedHold) => readonly string[],
  isChanged: (hold: EndedHold) => boolean,
): OfDomain[] {
  const each = holds.flatMap((hold) => [...new Set(domainsOf(hold).map((name) => name.toLowerCase()))].map((domain) => ({ domain, hold })))
  return [...Map.groupBy(each, ({ domain }) => domain)]
    .toSorted(([one, its], [other, theirs]) => theirs.length - its.length || (one < other ? -1 : 1))
    .slice(0, mostDomains)
    .map(([domain, found]) => {
      const decided = count(
        found.map(({ hold }) => hold),
        isChanged,
      )
      return { domain, decided, share: shareOf(decided) }
    })
}
