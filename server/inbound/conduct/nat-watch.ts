import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import type { NetworkView } from './conduct.ts'
import { afterArrival, afterHello, nobodySeen, seesStrangers, viewOf } from './nat.ts'
import type { Network } from './prefixes.ts'

/** Watches for a NAT in front, and says so loudly while there is one. Times: epoch ms. */
export type NatWatch = {
  arrived(network: Network, now: number): void
  saidHello(network: Network, name: string): void
  seesStrangers(now: number): boolean
  view(): NetworkView
}

/** It is said again after this long. */
const sayAgainMs = 3_600_000

/** @param deps.isLocal in local mode there is one private address by intention, and nothing to watch for */
export function createNatWatch({ isLocal, clock, log }: { isLocal: boolean; clock: Clock; log: Log }): NatWatch {
  let seen = nobodySeen
  let saidAt = -Infinity
  const view = (): NetworkView => viewOf(seen, clock.now())
  return {
    arrived(network, now) {
      if (isLocal) return
      seen = afterArrival(seen, network, now)
      const what = viewOf(seen, now)
      if (what.kind === 'direct' || now - saidAt < sayAgainMs) return
      saidAt = now
      log.error({ address: what.address, see: 'docs/strangers.md' }, 'inbound.network-hidden')
    },
    saidHello(network, name) {
      if (!isLocal) seen = afterHello(seen, network.ip, name)
    },
    seesStrangers: (now) => seesStrangers(seen, now),
    view,
  }
}
