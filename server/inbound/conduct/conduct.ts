/**
 * How a stranger on port 25 behaves, and what that leads to: whether they may connect now, how long they wait, when they are shown the door.
 *
 * Promise: nothing here waits for a disk or a network, nothing grows without a bound, and one visitor's conduct never costs another a connection.
 */
import type { Reply } from '../../model/reply.ts'

/** What follows from a reply just given: wait so long before sending it, and hang up behind it with this (421) reply. */
export type Reaction = { delayMs: number; hangUp: Reply | null }

/** One connection, from its first packet to its last. */
export type Visitor = {
  /** Until the greeting. Who speaks before it is an early talker. 0 for whoever is known to wait. */
  greetWaitMs: number
  /** Said instead of the greeting. */
  talkedEarly(): Reply
  /** Asked at MAIL: whether this network may send one more message now. @param bytes as SIZE= announces, 0 when it does not */
  mayMail(bytes: number): Reply | null
  /** After each command was judged, before its reply is sent. @param command the verb in capitals, '' for what is none */
  replied(command: string, reply: Reply): Reaction
  /** After the last byte of a message, with what it is answered. */
  delivered(bytes: number, reply: Reply): Reaction
  left(): void
}

/** What holds for every session at this moment; tighter when there are too many. */
export type SessionLimits = {
  idleMs: number
  sessionMs: number
  /** a message must come at this rate, measured from its beginning after a first allowance */
  minBytesPerSecond: number
}

export type Conduct = {
  /** @param ip of the other side; behind a named proxy what it says */
  arrive(peer: { ip: string; sessionId: string }): { kind: 'refused'; reply: Reply } | { kind: 'welcome'; visitor: Visitor }
  limits(): SessionLimits
  close(): Promise<void>
}
