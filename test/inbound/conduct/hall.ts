import { pino } from 'pino'
import { expect } from 'vitest'
import type { Conduct, Visitor } from '../../../server/inbound/conduct/conduct.ts'
import { type ConductConfig, type ConductDeps, createConduct } from '../../../server/inbound/conduct/doorkeeper.ts'
import { type Reply, parseReply } from '../../../server/model/reply.ts'
import { createMetrics } from '../../../server/platform/metrics.ts'
import { type VirtualClock, createVirtualClock } from '../../support/virtual-clock.ts'

export const reply = (text: string): Reply => parseReply(text) ?? expect.fail(text)
export const ok = reply('250 2.0.0 OK')

/** Conduct with a clock and a log to look at. */
export type Hall = {
  conduct: Conduct
  clock: VirtualClock
  /** the names of the events that were logged, with their level */
  said: string[]
  /** Lets one more in, or fails. @returns with what is said of others */
  enter(ip: string): Visitor
  /** The reply with which one more is refused, or fails. */
  refusal(ip: string): string
  /** The number under that name and these labels. */
  count(line: string): Promise<number>
}

export const start = Date.UTC(2026, 10, 23)

export function createHall(
  smtp: Partial<ConductConfig['smtp']> = {},
  more: Partial<ConductDeps> & { mode?: 'local' | 'server'; clock?: VirtualClock } = {},
): Hall {
  const clock = more.clock ?? createVirtualClock(start)
  const metrics = createMetrics()
  const said: string[] = []
  const log = pino({ level: 'debug' }, { write: (line: string) => void said.push(eventOf(line)) })
  const config: ConductConfig = { mode: more.mode ?? 'server', smtp: { maxConnections: 1_000, limits: 'on', unlimited: [], ...smtp } }
  const conduct = createConduct({ config, sharedIn: null, log, metrics, ...more, clock })
  let sessions = 0
  const arrive = (ip: string) => conduct.arrive({ ip, sessionId: `s${++sessions}` })
  return {
    conduct,
    clock,
    said,
    enter(ip) {
      const arrival = arrive(ip)
      return arrival.kind === 'welcome' ? arrival.visitor : expect.fail(`${ip} was refused: ${arrival.reply.text}`)
    },
    refusal(ip) {
      const arrival = arrive(ip)
      return arrival.kind === 'refused'
        ? `${arrival.reply.code} ${arrival.reply.status} ${arrival.reply.text}`
        : expect.fail(`${ip} was let in`)
    },
    async count(name) {
      const line = (await metrics.text()).split('\n').find((one) => one.startsWith(`multimail_${name} `))
      return line === undefined ? expect.fail(`there is no ${name}`) : Number(line.slice(line.lastIndexOf(' ')))
    },
  }
}

function eventOf(line: string): string {
  const { level, msg } = JSON.parse(line) as { level: number; msg: string }
  return `${pino.levels.labels[level]} ${msg}`
}
