/** What is measured, and with which numbers: from the command line, or the usual. */
import { parseArgs } from 'node:util'

export const servers = ['ours', 'stack', 'bare'] as const
export type Server = (typeof servers)[number]

/** `perConnection` 0: each connection is kept for the whole cell. */
export type Cell = { kilobytes: number; connections: number; perConnection: number; slowSyncMs: number }
export type Plan = {
  cells: Cell[]
  servers: Server[]
  rounds: number
  seconds: number
  warmUpSeconds: number
  runInSeconds: number
  memory: boolean
  json: string | null
}

export const usage = `npm run bench:inbound -- [options]

Sends signed mail to MultiMail and to Postfix, with opendkim, opendmarc and policyd-spf (stack) and without (bare), in turns, in a network of
its own. It needs root, and the packages postfix, opendkim, opendmarc, postfix-policyd-spf-python, knot, iproute2, and cc for a slow disk.

  --rounds N         how often each cell is measured; medians are printed (5)
  --seconds N        how long each is measured (5), after --warm-up N (3)
  --run-in N         seconds of load each server gets before the first measurement: Node makes machine code of what it does often (60)
  --kilobytes LIST   sizes of messages (5,50)
  --connections LIST (20,100)
  --per-connection LIST  messages of one connection, 0 for any number (0,1)
  --slow-sync LIST   milliseconds added to each fsync (0,2)
  --servers LIST     of ours,stack,bare (all)
  --no-memory        leave out the memory at 50 KB and 100 connections
  --quick            two rounds of 2 s, persistent connections, no slow disk
  --json FILE        every single measurement, a line each
`

const options = {
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  'warm-up': { type: 'string' },
  'run-in': { type: 'string' },
  kilobytes: { type: 'string' },
  connections: { type: 'string' },
  'per-connection': { type: 'string' },
  'slow-sync': { type: 'string' },
  servers: { type: 'string' },
  'no-memory': { type: 'boolean' },
  quick: { type: 'boolean' },
  json: { type: 'string' },
  help: { type: 'boolean' },
} as const

/** Null: somebody asked for help, or for what there is not. */
export function planFrom(args: string[]): Plan | null {
  const { values } = parseArgs({ args, options })
  if (values.help === true) return null
  const quick = values.quick === true
  const number = (text: string | undefined, usual: number): number => (text === undefined ? usual : Number(text))
  const numbers = (text: string | undefined, usual: number[]): number[] => text?.split(',').map(Number) ?? usual
  const cells = numbers(values['slow-sync'], quick ? [0] : [0, 2]).flatMap((slowSyncMs) =>
    numbers(values['per-connection'], quick ? [0] : [0, 1]).flatMap((perConnection) =>
      numbers(values.kilobytes, [5, 50]).flatMap((kilobytes) =>
        numbers(values.connections, [20, 100]).map((connections) => ({ kilobytes, connections, perConnection, slowSyncMs })),
      ),
    ),
  )
  const wanted = values.servers?.split(',') ?? servers
  const plan: Plan = {
    cells,
    servers: servers.filter((one) => wanted.includes(one)),
    rounds: number(values.rounds, quick ? 2 : 5),
    seconds: number(values.seconds, quick ? 2 : 5),
    warmUpSeconds: number(values['warm-up'], quick ? 2 : 3),
    runInSeconds: number(values['run-in'], quick ? 10 : 60),
    memory: values['no-memory'] !== true,
    json: values.json ?? null,
  }
  const all = [plan.rounds, plan.seconds, plan.warmUpSeconds, plan.runInSeconds, ...cells.flatMap((cell) => Object.values(cell))]
  return plan.servers.length > 0 && all.every((one) => Number.isFinite(one) && one >= 0) ? plan : null
}
