/** Whose turn it is among the deliveries that are due. Decides; looks nothing up. */
import type { Due } from '../store/queue-order.ts'

export type Contender = Pick<Due, 'id' | 'mailbox_id' | 'domain' | 'priority' | 'next_attempt_at'>

/** What is under way already counts against its mailbox and its domain; `mailbox_id` null: not against its mailbox. */
export type UnderWay = Pick<Due, 'domain'> & { mailbox_id: Due['mailbox_id'] | null }

/** Slots: how many are free, and how many one mailbox and one domain may have at most. A stuck one never takes them all. */
export type Slots = { free: number; perMailbox: number; perDomain: number }

/** When a mailbox or a domain had its turn last, by name; what is not known had none. */
export type Turns = { lastOf(name: string): number; took(name: string): void }

/** Chooses one after the other: the mailbox with the least under way, of equals the one whose turn was longest ago; of its mail what is most urgent;
 *  then the domain by the same rule; then what is due the longest. So a thousand messages of one mailbox delay another's one by one turn, and
 *  urgency overtakes nobody else's mail.
 *  @param admit asked of each in its turn; what it turns down stays, and nothing else of its mailbox for its domain is asked about */
export function takeTurns<C extends Contender>(
  contenders: readonly C[],
  underWay: readonly UnderWay[],
  slots: Slots,
  turns: Turns,
  admit: (contender: C) => boolean,
): C[] {
  const busy = countBusy(underWay)
  const waiting = new Map(contenders.map((one) => [one.id, one]))
  const taken: C[] = []
  while (taken.length < slots.free) {
    const next = first(
      [...waiting.values()].filter((one) => hasRoom(one, busy, slots)),
      (one) => rank(one, busy, turns),
    )
    if (next === null) break
    if (!admit(next)) {
      for (const one of waiting.values()) if (one.mailbox_id === next.mailbox_id && one.domain === next.domain) waiting.delete(one.id)
      continue
    }
    waiting.delete(next.id)
    taken.push(next)
    for (const name of [next.mailbox_id, next.domain]) {
      busy.set(name, (busy.get(name) ?? 0) + 1)
      turns.took(name)
    }
  }
  return taken
}

type Busy = Map<string, number>

function countBusy(underWay: readonly UnderWay[]): Busy {
  const busy: Busy = new Map()
  for (const { mailbox_id, domain } of underWay)
    for (const name of [mailbox_id, domain]) if (name !== null) busy.set(name, (busy.get(name) ?? 0) + 1)
  return busy
}

const hasRoom = ({ mailbox_id, domain }: Contender, busy: Busy, { perMailbox, perDomain }: Slots): boolean =>
  (busy.get(mailbox_id) ?? 0) < perMailbox && (busy.get(domain) ?? 0) < perDomain

/** The smaller comes first, compared place by place. */
const rank = (one: Contender, busy: Busy, turns: Turns): readonly number[] => [
  busy.get(one.mailbox_id) ?? 0,
  turns.lastOf(one.mailbox_id),
  one.priority,
  busy.get(one.domain) ?? 0,
  turns.lastOf(one.domain),
  one.next_attempt_at,
]

function first<T>(all: readonly T[], rankOf: (one: T) => readonly number[]): T | null {
  let best: { one: T; rank: readonly number[] } | null = null
  for (const one of all) {
    const rank = rankOf(one)
    if (best === null || isBefore(rank, best.rank)) best = { one, rank }
  }
  return best?.one ?? null
}

function isBefore(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((value, place) => value !== other[place])
  return at >= 0 && (one[at] ?? 0) < (other[at] ?? 0)
}

/** Of one slot in four a mailbox, and of half of them a domain, has no use: they are for the others. */
export const slotsOf = (concurrency: number): Omit<Slots, 'free'> => ({
  perMailbox: Math.ceil((concurrency * 3) / 4),
  perDomain: Math.ceil(concurrency / 2),
})

const mostNames = 10_000

/** Only a memory, and a bounded one: losing it costs somebody one turn. */
export function createTurns(): Turns {
  const last = new Map<string, number>()
  let count = 0
  return {
    lastOf: (name) => last.get(name) ?? 0,
    took(name) {
      last.delete(name)
      if (last.size >= mostNames) last.delete(last.keys().next().value ?? name)
      last.set(name, (count += 1))
    },
  }
}
