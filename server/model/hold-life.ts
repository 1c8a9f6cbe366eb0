/**
 * The life of a hold: an email that waits for people. It ends once. Whoever wrote the email decides on nothing of it, nobody approves twice, each approval is
 * of one content, and time that runs out approves nothing (design promises 2 and 3). Pure; stated and proved in docs/model/Life.v.
 */

/** Who writes or decides: the key that they use, and the person behind it; null: none, or nobody knows. */
export type Who = { key: string | null; person: string | null }

export type HoldEnd = 'approved' | 'rejected' | 'expired' | 'cancelled'
/** `yes`: who has approved it so far, each as `voterOf` says; `editors`: who worded it anew. `people`: how many it takes. `isOver`: its time has run out. */
export type Hold = {
  state: 'open' | HoldEnd
  hash: string
  people: number
  yes: readonly string[]
  editors: readonly string[]
  isOver: boolean
}
export type Release = { hash: string; grounds: 'policy' | 'approval' }

/** `hash`: of what they looked at. `playsBoth`: with a test key that may decide on what it wrote. */
type Decision = { by: Who; hash: string; playsBoth: boolean }
export type HoldEvent =
  | ({ kind: 'approve' | 'reject' } & Decision)
  /** a reviewer words it anew; `people`: how many what it says now takes, by itself */
  | { kind: 'reword'; by: Who; hash: string; people: number }
  | { kind: 'expire' }
  | { kind: 'withdraw' }
export type HoldWhy = 'NOT_PENDING' | 'HOLD_EXPIRED' | 'HOLD_NOT_EXPIRED' | 'CONTENT_CHANGED' | 'SELF_APPROVAL' | 'SAME_REVIEWER'

/** Whether the time of a hold has to be left, or over, for it to end so. */
export const endsWhen = { approved: 'left', rejected: 'left', expired: 'over', cancelled: 'ever' } as const satisfies Record<
  HoldEnd,
  string
>
const ends = { approve: 'approved', reject: 'rejected', reword: 'approved', expire: 'expired', withdraw: 'cancelled' } as const

/** @param hold the newest; null: there is none. `hash`, `writers`: of the email as it is. @returns what it is then, or why not */
export function stepHold(
  hold: Hold | null,
  { hash, writers }: { hash: string | null; writers: readonly Who[] },
  event: HoldEvent,
): Hold | HoldWhy {
  const end = ends[event.kind]
  if (hold?.state !== 'open') return 'NOT_PENDING'
  if (endsWhen[end] === 'left' && hold.isOver) return 'HOLD_EXPIRED'
  if (endsWhen[end] === 'over' && !hold.isOver) return 'HOLD_NOT_EXPIRED'
  if (event.kind === 'expire' || event.kind === 'withdraw') return { ...hold, state: end }
  // In the test world one key may play both parts, but not that of two people.
  const mayPlayBoth = event.kind !== 'reword' && event.playsBoth && hold.people === 1
  if (wrote(event.by, writers) && !mayPlayBoth) return 'SELF_APPROVAL'
  // Whoever approved the old wording has not approved this one.
  if (event.kind === 'reword')
    return { ...hold, hash: event.hash, people: Math.max(hold.people, event.people), yes: [], editors: withEditor(hold, event.by) }
  if (event.hash !== hold.hash) return 'CONTENT_CHANGED'
  if (event.kind === 'reject') return { ...hold, state: end }
  if (isOwnWording(hold, event.by) && !mayPlayBoth) return 'SELF_APPROVAL'
  return hold.hash === hash ? approved(hold, voterOf(event.by)) : 'CONTENT_CHANGED'
}

const withEditor = ({ editors }: Hold, by: Who): readonly string[] => (editors.includes(voterOf(by)) ? editors : [...editors, voterOf(by)])

/** True when they worded it, and may not let it go: of several people the others do; and where one is enough a person who signs in, but no key, which would
 *  propose and decide. */
const isOwnWording = ({ editors, people }: Hold, by: Who): boolean => editors.includes(voterOf(by)) && !(people === 1 && by.key === null)

function approved(hold: Hold, voter: string): Hold | HoldWhy {
  if (hold.yes.includes(voter)) return 'SAME_REVIEWER'
  const yes = [...hold.yes, voter]
  return { ...hold, yes, state: yes.length < hold.people ? 'open' : 'approved' }
}

/** True when they wrote in it themselves, or another key of theirs did. */
export const wrote = (who: Who, writers: readonly Who[]): boolean => writers.some((writer) => isSame(writer, who))
const isSame = (one: Who, other: Who): boolean =>
  (one.key !== null && one.key === other.key) || (one.person !== null && one.person === other.person)

/** As whom they count among those who approve: a key that is known to be somebody's is them. */
export const voterOf = ({ key, person }: Who): string => person ?? key ?? ''

/** True when people have let go this very content. */
export const isApproved = ({ hash, hold }: { hash: string | null; hold: Hold | null }): boolean =>
  hold?.state === 'approved' && hold.hash === hash

/** True when what stands behind a release bears it: a rule of the gate, or as many approvals of this very content as its hold took. */
export const isBacked = ({ hash, grounds }: Release, hold: Pick<Hold, 'state' | 'hash' | 'people' | 'yes'> | null): boolean =>
  grounds === 'policy' || (hold?.state === 'approved' && hold.hash === hash && hold.yes.length >= hold.people)

/** How it ended; null: it has not, or there is none. */
export const endOf = (hold: Hold | null): HoldEnd | null => (hold === null || hold.state === 'open' ? null : hold.state)
