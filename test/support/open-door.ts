import type { Conduct, Reaction, SessionLimits, Visitor } from '../../server/inbound/conduct/conduct.ts'

const nothing: Reaction = { delayMs: 0, hangUp: null }

/** For tests that are not about conduct: everybody is welcome, at once and always. What is given takes the place of that. */
export function openDoor(
  different: { visitor?: Partial<Visitor>; limits?: Partial<SessionLimits> } & Partial<Pick<Conduct, 'arrive'>> = {},
): Conduct {
  const visitor: Visitor = {
    greetWaitMs: 0,
    talkedEarly: () => ({ code: 554, status: '5.5.1', text: 'You spoke before the greeting' }),
    saidHello: () => {},
    mayMail: () => null,
    receiving: () => {},
    replied: () => nothing,
    delivered: () => nothing,
    left: () => {},
    ...different.visitor,
  }
  return {
    arrive: different.arrive ?? (() => ({ kind: 'welcome', visitor, inPlaceOf: null })),
    limits: () => ({ idleMs: 300_000, sessionMs: 3_600_000, minBytesPerSecond: 500, ...different.limits }),
    networkView: () => ({ kind: 'direct' }),
    judgesByIp: () => true,
    watch: () => {},
    close: () => Promise.resolve(),
  }
}
