/** Puts the parts of conduct together: who is there, who may come in, what mode holds, whether anybody can be told from anybody. */
import type { Config } from '../../../config/schema.ts'
import type { Reply } from '../../model/reply.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { Metrics } from '../../platform/metrics.ts'
import type { Db } from '../../store/db.ts'
import { type LimitsConfig, type NotAdmitted, createAdmission } from './admission.ts'
import { type Entrance, type Conduct, type Resource, noPlace } from './conduct.ts'
import { type Welcome, createCounts } from './counts.ts'
import { createMemory } from './memory.ts'
import { createNatWatch } from './nat-watch.ts'
import { type Mode, calmPhase, nextPhase, regimes } from './overload.ts'
import { networkOf } from './prefixes.ts'
import { startSharing } from './sharing.ts'
import { createSilent } from './silent.ts'
import { type Hall, createVisitor } from './visitor.ts'
import { createWaits } from './waits.ts'
import { createWindows } from './windows.ts'

export type ConductConfig = { mode: Config['mode']; smtp: LimitsConfig & Pick<Config['smtp'], 'maxConnections'> }
/** `sharedIn`: where several nodes add up what they count; null when there is one node only. */
export type ConductDeps = { config: ConductConfig; sharedIn: Db | null; clock: Clock; log: Log; metrics: Metrics }

/** Of all connections, so many may be made to wait at one time. */
const waitingShare = 0.1
/** Those who were asked to make room may not be gone yet. */
const leavingShare = 0.1

const notAdmitted: Readonly<Record<NotAdmitted['kind'], Reply>> = {
  'kept-out': { code: 421, status: '4.7.0', text: 'Your network has misbehaved, try again later' },
  'at-once': { code: 421, status: '4.7.0', text: 'Too many connections from your network' },
  connections: { code: 421, status: '4.7.0', text: 'Too many connections from your network within a minute' },
}
const noAddress: Reply = { code: 421, status: '4.3.2', text: 'Your address is not known' }

export function createConduct({ config, sharedIn, clock, log, metrics }: ConductDeps): Conduct {
  const { maxConnections, limits } = config.smtp
  const isLocal = config.mode === 'local'
  const db = limits === 'off' ? null : sharedIn
  const windows = createWindows({ isShared: db !== null })
  const memory = createMemory()
  const silent = createSilent()
  const waits = createWaits(Math.ceil(maxConnections * waitingShare))
  const nat = createNatWatch({ isLocal, clock, log })
  const sharing = db === null ? null : startSharing({ db, windows, clock, log })
  const shares: Partial<Record<Resource, () => number>> = {}
  let sessions = 0
  let phase = calmPhase

  function currentMode(): Mode {
    const load = { connections: sessions / maxConnections, memory: shares.memory?.() ?? 0, work: shares.work?.() ?? 0 }
    const next = nextPhase(phase, load, clock.now())
    if (next !== phase) log.warn({ ...load, sessions }, next.mode === 'overload' ? 'inbound.overload-began' : 'inbound.overload-ended')
    phase = next
    return phase.mode
  }

  const counts = createCounts(metrics, {
    sessions: () => sessions,
    waiting: () => waits.waiting(clock.now()),
    remembered: () => windows.size() + memory.size(),
    mode: currentMode,
    networkView: nat.view,
  })
  const admission = createAdmission({ config: config.smtp, everybodyIsLocal: isLocal, windows, memory, counts, log })
  const hall: Hall = {
    admission,
    windows,
    memory,
    waits,
    silent,
    counts,
    clock,
    log,
    mode: currentMode,
    saidHello: nat.saidHello,
    left() {
      sessions -= 1
    },
  }

  const refused = (outcome: Welcome, reply: Reply): Entrance => {
    counts.arrived(outcome)
    return { kind: 'refused', reply }
  }

  /** Whose place a newcomer gets: null for one that is free, undefined when there is none. */
  function placeOf(now: number): string | null | undefined {
    if (sessions < maxConnections) return null
    return sessions < maxConnections * (1 + leavingShare) ? silent.longest(now) : undefined
  }
  function makeRoom(inPlaceOf: string): void {
    silent.remove(inPlaceOf)
    counts.madeRoom()
  }

  return {
    arrive({ ip, sessionId }) {
      const now = clock.now()
      const network = networkOf(ip)
      if (network === null) return refused('no-address', noAddress)
      nat.arrived(network, now)
      const inPlaceOf = placeOf(now)
      if (inPlaceOf === undefined) return refused('no-place', noPlace)
      const admitted = admission.admit({ network, mayBeEverybody: network.isPrivate && !nat.seesStrangers(now), now })
      if (admitted.kind !== 'admitted') return refused(admitted.kind, notAdmitted[admitted.kind])
      if (inPlaceOf !== null) makeRoom(inPlaceOf)
      sessions += 1
      counts.arrived('welcome')
      return { kind: 'welcome', visitor: createVisitor(hall, { ...admitted, sessionId, network }), inPlaceOf }
    },
    limits: () => regimes[currentMode()].limits,
    networkView: nat.view,
    judgesByIp: (ip) => isLocal || networkOf(ip)?.isPrivate === false,
    watch(resource, share) {
      shares[resource] = share
    },
    close: () => sharing?.stop() ?? Promise.resolve(),
  }
}
