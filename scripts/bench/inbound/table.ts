/** The figures as people read them. */
import type { Memory } from './usage.ts'
import type { Cell, Server } from './plan.ts'

/** `messages`: all that were taken, before the measuring too. `cpuMs`: what the server spent on one of them. */
export type Figures = {
  perSecond: number
  messages: number
  cpuMs: number
  final: Percentiles
  whole: Percentiles
  refused: Record<string, number>
}
type Percentiles = { p50: number; p95: number; p99: number }
export type Measured = { cell: Cell; server: Server; round: number; figures: Figures }

const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((one, other) => one - other)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? (sorted[middle] ?? Number.NaN) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2
}

const titleOf = ({ kilobytes, connections, perConnection, slowSyncMs }: Cell): string =>
  [
    `${kilobytes} KB, ${connections} connections`,
    perConnection === 0 ? 'kept' : `${perConnection} message${perConnection === 1 ? '' : 's'} each`,
    ...(slowSyncMs === 0 ? [] : [`fsync + ${slowSyncMs} ms`]),
  ].join(', ')

/** A row for each cell and server: medians of all rounds. */
export function ratesTable(measured: readonly Measured[], cells: readonly Cell[], servers: readonly Server[]): string {
  const rows = cells.flatMap((cell) => {
    const of = (server: Server): Figures[] =>
      measured.filter((one) => one.cell === cell && one.server === server).map(({ figures }) => figures)
    const stack = of('stack')
    // Within a round: from one to the next a shared machine is half as fast, or twice.
    const ratio = (server: Server): number =>
      median(of(server).map(({ perSecond }, round) => perSecond / (stack[round]?.perSecond ?? Number.NaN)))
    return servers.map((server) => row(titleOf(cell), server, of(server), ratio(server)))
  })
  return [
    '| | server | messages/s (least–most) | × stack | CPU ms each | final reply p50 | p95 | p99 ms |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}

function row(title: string, server: Server, many: readonly Figures[], ratio: number): string {
  const rates = many.map(({ perSecond }) => perSecond)
  const rate = median(rates)
  const at = (share: keyof Percentiles): string => median(many.map(({ final }) => final[share])).toFixed(1)
  const spread = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`
  const cpu = median(many.map(({ cpuMs }) => cpuMs)).toFixed(2)
  const wrong = many.some(({ refused }) => Object.keys(refused).length > 0) ? ' (with refusals)' : ''
  return `| ${title} | ${server} | ${rate.toFixed(0)} (${spread})${wrong} | ${Number.isFinite(ratio) ? ratio.toFixed(2) : '–'} | ${cpu} | ${at('p50')} | ${at('p95')} | ${at('p99')} |`
}

export const memoryTable = (found: ReadonlyMap<Server, Memory>): string =>
  [
    '| server | idle MB | peak MB | processes |',
    '|---|---|---|---|',
    ...[...found].map(
      ([server, { idleMb, peakMb, processes }]) => `| ${server} | ${idleMb.toFixed(0)} | ${peakMb.toFixed(0)} | ${processes} |`,
    ),
  ].join('\n')
