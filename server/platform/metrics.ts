/**
 * Counts for the operator, in the Prometheus text format. A room asks for the numbers it keeps; `/metrics` shows all.
 * Labels have few values that we chose: no address, host name or other word of a stranger becomes one.
 */
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client'

/** Names say the room, the thing and its unit (`inbound_messages_total`); `multimail_` is put in front. Each name is asked for once. */
export type Metrics = {
  counter<L extends string = never>(name: string, help: string, labels?: readonly L[]): Counter<L>
  gauge<L extends string = never>(name: string, help: string, labels?: readonly L[]): Gauge<L>
  /** A gauge that is read when somebody looks, and costs nothing until then. NaN: not known. */
  measured(name: string, help: string, read: () => number | Promise<number>): void
  /** Several of these under one name: one for each value of a label, the same ones each time. */
  measuredBy(name: string, help: string, label: string, read: () => Promise<Readonly<Record<string, number>>>): void
  /** @param buckets upper bounds, in the unit of the name */
  histogram<L extends string = never>(name: string, help: string, buckets: readonly number[], labels?: readonly L[]): Histogram<L>
  /** Everything there is, as Prometheus reads it. */
  text(): Promise<string>
}

/** The media type of `text()`. */
export const metricsType = Registry.PROMETHEUS_CONTENT_TYPE

/** @param options.ofProcess also heap, event loop and the like, under the names Prometheus knows (`process_…`, `nodejs_…`). They measure all the
 *  time, so only where somebody looks; once in a process. */
export function createMetrics(options: { ofProcess?: boolean } = {}): Metrics {
  const registry = new Registry()
  if (options.ofProcess === true) collectDefaultMetrics({ register: registry })
  const settings = <L extends string>(name: string, help: string, labels: readonly L[] = []) => ({
    name: `multimail_${name}`,
    help,
    labelNames: [...labels],
    registers: [registry],
  })
  return {
    counter: (name, help, labels) => new Counter(settings(name, help, labels)),
    gauge: (name, help, labels) => new Gauge(settings(name, help, labels)),
    measured(name, help, read) {
      const gauge: Gauge = new Gauge({ ...settings(name, help), collect: async () => gauge.set(await read()) })
    },
    measuredBy(name, help, label, read) {
      const show = async (): Promise<void> => {
        for (const [value, number] of Object.entries(await read())) gauge.set({ [label]: value }, number)
      }
      const gauge: Gauge = new Gauge({ ...settings(name, help, [label]), collect: show })
    },
    histogram: (name, help, buckets, labels) => new Histogram({ ...settings(name, help, labels), buckets: [...buckets] }),
    text: () => registry.metrics(),
  }
}
