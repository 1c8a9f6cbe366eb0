/** How fast mail may go to whom: asked before a delivery is dialled, told how it went. */
import type { Claim } from '../../store/queue.ts'
import type { Outcome } from '../outcome.ts'

/** `wait`: nothing is dialled before `until` (epoch ms), which is no attempt of the message. */
export type Turn = { kind: 'go'; done(outcome: Outcome): void } | { kind: 'wait'; until: number; reason: string }

export type Pace = {
  /** @param destination who takes the mail, as far as it is known: the provider of the MX, or else the recipient's domain */
  turn(claim: Claim, destination: string): Turn
}

/** Everybody at once. */
export const unpaced: Pace = { turn: () => ({ kind: 'go', done: () => {} }) }
