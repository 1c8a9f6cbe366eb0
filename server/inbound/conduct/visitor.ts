/** One connection: its manners, and what they lead to. */
import type { Reply } from '../../model/reply.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Admission, Admitted } from './admission.ts'
import { type Reaction, type Visitor, noPlace } from './conduct.ts'
import type { Counts } from './counts.ts'
import { type Step, afterMessage, afterReply, atFirst } from './manners.ts'
import type { Memory } from './memory.ts'
import { type Offence, offences } from './offences.ts'
import { type Mode, regimes } from './overload.ts'
import type { Network } from './prefixes.ts'
import type { Silent, Standing } from './silent.ts'
import type { Waits } from './waits.ts'
import type { Windows } from './windows.ts'

/** What all connections share. */
export type Hall = {
  admission: Admission
  windows: Windows
  memory: Memory
  waits: Waits
  silent: Silent
  counts: Counts
  clock: Clock
  log: Log
  mode(): Mode
  saidHello(network: Network, name: string): void
  left(): void
}

export type Guest = Pick<Admitted, 'stay' | 'isScored' | 'isUnlimited'> & { sessionId: string; network: Network }

/** Whoever stays this long and brings nothing is loitering. */
const loiteringMs = 60_000

const nothing: Reaction = { delayMs: 0, hangUp: null }

export function createVisitor(hall: Hall, guest: Guest): Visitor {
  const { windows, memory, waits, silent, counts, clock } = hall
  const { sessionId, network, stay } = guest
  const [prefix] = network.prefixes
  const arrivedAt = clock.now()
  const isKnown = memory.isKnown(prefix, arrivedAt)
  let manners = atFirst
  let announcedBytes = 0
  let hasBrought = false
  let hasLeft = false

  function offended(offence: Offence, now: number): void {
    counts.offended(offence)
    if (!guest.isScored || !memory.offended(prefix, offence, now)) return
    counts.keptOut()
    hall.log.info({ session: sessionId, ip: network.ip, offence }, 'inbound.kept-out')
  }

  function reactionTo(step: Step, now: number): Reaction {
    manners = step.manners
    if (step.offence !== null) {
      // In overload honest sessions end this way too.
      if (hall.mode() === 'calm' || step.offence === 'not-smtp') offended(step.offence, now)
      return { delayMs: 0, hangUp: offences[step.offence].reply }
    }
    if (step.delayMs === 0) return nothing
    if (!waits.begin(visitor, now + step.delayMs, now)) return { delayMs: 0, hangUp: noPlace }
    counts.delayed(step.delayMs)
    return { delayMs: step.delayMs, hangUp: null }
  }

  /** A private address may be everybody's, so having it speaks for nobody. */
  const standing = (): Standing => (manners.inTransaction || manners.accepted || (isKnown && !network.isPrivate) ? 'engaged' : 'stranger')

  /** A session is not silent while its message is on its way. */
  function heard(now: number, isReceiving: boolean): void {
    if (isReceiving) silent.remove(sessionId)
    else silent.heard(sessionId, now, standing())
  }

  const visitor: Visitor = {
    greetWaitMs: guest.isUnlimited || isKnown ? 0 : regimes[hall.mode()].greetWaitMs,
    talkedEarly() {
      offended('early-talk', clock.now())
      return earlyReply
    },
    saidHello: (name) => hall.saidHello(network, name),
    mayMail(bytes) {
      const refusal = hall.admission.mayMail(network, stay, bytes, clock.now())
      announcedBytes = refusal === null ? bytes : 0
      return refusal
    },
    replied(command, reply) {
      const now = clock.now()
      waits.end(visitor)
      const reaction = reactionTo(afterReply(manners, command, reply, regimes[hall.mode()].tolerance), now)
      heard(now, command === 'DATA' && reply.code === 354)
      // It says good-bye itself.
      return reply.code === 421 ? nothing : reaction
    },
    receiving: () => heard(clock.now(), true),
    delivered(bytes, reply) {
      const now = clock.now()
      waits.end(visitor)
      hasBrought = true
      windows.more(stay, Math.max(bytes - announcedBytes, 0), now)
      announcedBytes = 0
      counts.message(bytes, reply.code)
      if (reply.code < 400) memory.behaved(prefix, now)
      const reaction = reactionTo(afterMessage(manners, reply, regimes[hall.mode()].tolerance), now)
      heard(now, false)
      return reaction
    },
    left() {
      if (hasLeft) return
      hasLeft = true
      const now = clock.now()
      waits.end(visitor)
      silent.remove(sessionId)
      windows.leave(stay)
      if (!hasBrought && now - arrivedAt >= loiteringMs) offended('loitering', now)
      hall.left()
    },
  }
  heard(arrivedAt, false)
  return visitor
}

const earlyReply: Reply = offences['early-talk'].reply
