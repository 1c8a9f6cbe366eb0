/** Whether a network may come in, and send one more message: its windows and what is remembered of it, as far as the operator wants them used. */
import { BlockList, isIPv6 } from 'node:net'
import type { Config } from '../../../config/schema.ts'
import type { Reply } from '../../model/reply.ts'
import type { Log } from '../../platform/log.ts'
import type { Counts } from './counts.ts'
import type { Memory } from './memory.ts'
import type { Network } from './prefixes.ts'
import type { Stay, Tripped, Windows } from './windows.ts'

export type LimitsConfig = Pick<Config['smtp'], 'limits' | 'unlimited'>

/** `mayBeEverybody`: a private address that no stranger has been seen beside. */
export type Asked = { network: Network; mayBeEverybody: boolean; now: number }

/** `isScored`: whether what it does wrong is held against its network. */
export type Admitted = { kind: 'admitted'; stay: Stay; isScored: boolean; isUnlimited: boolean }
export type NotAdmitted = { kind: 'kept-out' | 'at-once' | 'connections' }

export type Admission = {
  admit(asked: Asked): Admitted | NotAdmitted
  /** Null when it may. */
  mayMail(network: Network, stay: Stay, bytes: number, now: number): Reply | null
}

/** 4.7.1, not 4.7.0: `manners.ts` knows by it that this is no error of the sender. */
const tooMuch: Readonly<Record<'messages' | 'bytes', Reply>> = {
  messages: { code: 451, status: '4.7.1', text: 'Too many messages from your network, try again later' },
  bytes: { code: 451, status: '4.7.1', text: 'Too much mail from your network, try again later' },
}

type Deps = { config: LimitsConfig; everybodyIsLocal: boolean; windows: Windows; memory: Memory; counts: Counts; log: Log }

/** @param deps.everybodyIsLocal in local mode only this machine can connect, so nobody is limited */
export function createAdmission({ config, everybodyIsLocal, windows, memory, counts, log }: Deps): Admission {
  const unlimited = config.unlimited.length === 0 ? null : listOf(config.unlimited)
  const isEnforced = config.limits === 'on'

  function tripped({ kind, breadth, isFirst }: Tripped, network: Network): void {
    counts.tripped(kind, breadth, network.family)
    if (isFirst) log.info({ ip: network.ip, limit: kind, prefix: network.prefixes[breadth], isEnforced }, 'inbound.limit-reached')
  }

  return {
    admit({ network, mayBeEverybody, now }) {
      const isUnlimited = everybodyIsLocal || unlimited?.check(network.ip, network.family) === true
      if (isUnlimited || config.limits === 'off' || mayBeEverybody) return { kind: 'admitted', stay: [], isScored: false, isUnlimited }
      const isScored = !network.isPrivate
      if (isScored && isEnforced && memory.isKeptOut(network.prefixes[0], now)) return { kind: 'kept-out' }
      const arrival = windows.arrive(network, now)
      if (arrival.kind === 'counted') return { kind: 'admitted', stay: arrival.stay, isScored, isUnlimited }
      tripped(arrival.tripped, network)
      if (!isEnforced) return { kind: 'admitted', stay: [], isScored, isUnlimited }
      return { kind: arrival.tripped.kind === 'at-once' ? 'at-once' : 'connections' }
    },
    mayMail(network, stay, bytes, now) {
      const refusal = windows.mail(stay, bytes, now)
      if (refusal === null) return null
      tripped(refusal, network)
      return isEnforced ? tooMuch[refusal.kind === 'bytes' ? 'bytes' : 'messages'] : null
    },
  }
}

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', length] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    if (length === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(length), family)
  }
  return list
}
