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
  /** With each EHLO or HELO. @param name as given */
  saidHello(name: string): void
  /** Asked at MAIL: whether this network may send one more message now. @param bytes as SIZE= announces, 0 when it does not */
  mayMail(bytes: number): Reply | null
  /** After each command was judged, before its reply is sent, 354 to DATA included. @param command the verb in capitals, '' for what is none */
  replied(command: string, reply: Reply): Reaction
  /** The octets of a BDAT begin to come; those of DATA do with its 354. */
  receiving(): void
  /** After the last byte of a message, with what it is answered; then `replied` is not asked about that answer. */
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

/** `hidden`: everybody comes from one private address, which is that of a NAT or a proxy in front and says nothing about anybody. */
export type NetworkView = { kind: 'direct' } | { kind: 'hidden'; address: string }

/** What may fall behind besides the number of connections. */
export type Resource = 'memory' | 'work'

/** `inPlaceOf`: every place was taken, and this session, which has been silent the longest, is to be told `noPlace` and hung up; never one whose
 *  message is on its way. So whoever only holds a connection open cannot keep out those who have something to say. */
export type Entrance = { kind: 'refused'; reply: Reply } | { kind: 'welcome'; visitor: Visitor; inPlaceOf: string | null }

/** RFC 3463 §3.4: the system is not accepting messages; RFC 5321 §3.8 has the code. */
export const noPlace: Reply = { code: 421, status: '4.3.2', text: 'Too many connections at this moment, try again later' }

export type Conduct = {
  /** @param ip of the other side; behind a named proxy what it says */
  arrive(peer: { ip: string; sessionId: string }): Entrance
  limits(): SessionLimits
  networkView(): NetworkView
  /** Whether this address can be evidence about who sends (SPF, reverse DNS, block lists). False for a private one in server mode: it may be
   *  everybody's, so it neither proves nor disproves anything. */
  judgesByIp(ip: string): boolean
  /** Tells how much of a resource is in use, from 0 to 1; asked when needed, so it answers at once. */
  watch(resource: Resource, share: () => number): void
  close(): Promise<void>
}
