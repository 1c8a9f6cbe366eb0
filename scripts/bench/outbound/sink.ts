/** Takes all mail and keeps none: Postfix's smtp-sink, and when it took how much. */
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { sinkPort, commandOf } from '../inbound/servers.ts'
import type { World } from '../inbound/world.ts'

/** Times: epoch ms. */
export type Taken = { count: number; first: number; last: number }

export type Sink = {
  /** It answers nobody until `go`. */
  hold(): void
  go(): void
  /** Resolves when it has taken so many since the last call. Throws when nothing came for half a minute. */
  taken(count: number): Promise<Taken>
  end(): Promise<void>
}

const longestSilenceMs = 30_000

export async function openSink(world: World): Promise<Sink> {
  const child = world.spawn('smtp-sink', ['-u', 'nobody', '-c', `127.0.0.1:${sinkPort}`, '1000'])
  const seen: { at: number; count: number }[] = []
  let unread = ''
  child.stdout.on('data', (chunk: Buffer) => {
    unread = (unread + chunk.toString('latin1')).slice(-400)
    const count = Number([...unread.matchAll(/mesg=(\d+)/g)].at(-1)?.[1] ?? 0)
    if (count > (seen.at(-1)?.count ?? 0)) seen.push({ at: Date.now(), count })
  })
  await world.listening(sinkPort)
  const signal = (name: NodeJS.Signals): void => {
    for (const pid of world.processes((one) => commandOf(one).startsWith('smtp-sink'))) process.kill(pid, name)
  }
  let before = 0
  return {
    hold: () => signal('SIGSTOP'),
    go: () => signal('SIGCONT'),
    async taken(count) {
      let since = Date.now()
      let known = seen.length
      while ((seen.at(-1)?.count ?? 0) < before + count) {
        if (seen.length > known) [since, known] = [Date.now(), seen.length]
        if (Date.now() - since > longestSilenceMs) throw new Error(`${(seen.at(-1)?.count ?? 0) - before} of ${count} messages came`)
        await wait(20)
      }
      const first = seen.find((one) => one.count > before)?.at ?? Number.NaN
      before += count
      return { count, first, last: seen.find((one) => one.count >= before)?.at ?? Number.NaN }
    },
    async end() {
      signal('SIGCONT')
      child.kill()
      await once(child, 'close')
    },
  }
}
