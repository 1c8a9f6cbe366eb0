import { beforeAll, onTestFinished } from 'vitest'
import type { Conduct } from '../../../server/inbound/conduct/conduct.ts'
import { createListener } from '../../../server/inbound/listener.ts'
import type { Arrival } from '../../../server/inbound/arrival.ts'
import type { Receive } from '../../../server/inbound/receive.ts'
import { type Clock, systemClock } from '../../../server/platform/clock.ts'
import { type Log, silentLog } from '../../../server/platform/log.ts'
import { type Store, openStore } from '../../../server/store/db.ts'
import { openDoor } from '../../support/open-door.ts'
import { createScratch } from '../../support/scratch.ts'
import { type ConnectOptions, type SmtpClient, connectSmtp } from '../../support/smtp-client.ts'
import { furnish, tls } from '../post-office.ts'
import { stored } from './desk.ts'

/** A listener behind which every message is taken and nothing is done with it: for what happens before. */
export type Counter = {
  port: number
  received: Arrival[]
  connect(options?: ConnectOptions): Promise<SmtpClient>
  close(): Promise<void>
}

type CounterOptions = {
  receive?: Receive
  conduct?: Conduct
  clock?: Clock
  log?: Log
  proxies?: string[]
  maxConnections?: number
  maxMessageBytes?: number
}

// Nothing is ever written to it but these mailboxes, so the tests of a file share one.
let store: Store
beforeAll(async () => {
  const scratch = await createScratch('counter')
  store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
  await furnish(store)
  return async () => {
    await store.close()
    await scratch.remove()
  }
})

/** Closed when the test ends. */
export async function openCounter(options: CounterOptions = {}): Promise<Counter> {
  const {
    conduct = openDoor(),
    clock = systemClock,
    log = silentLog,
    proxies = [],
    maxConnections = 100,
    maxMessageBytes = 100_000,
  } = options
  const received: Arrival[] = []
  const take: Receive = (arrival) => {
    received.push(arrival)
    return Promise.resolve(stored)
  }
  const config = {
    hostname: 'mx.ours.test',
    smtp: { host: '127.0.0.1', port: 0, maxMessageBytes, maxRecipients: 100, maxConnections, proxies },
  }
  const listener = createListener({ config, store, receive: options.receive ?? take, load: () => 0, conduct, tls, clock, log })
  const { port } = await listener.listen()
  const clients: SmtpClient[] = []
  const close = async (): Promise<void> => {
    for (const client of clients) client.close()
    await listener.close()
  }
  let closed: Promise<void> | null = null
  onTestFinished(() => counter.close())
  const counter: Counter = {
    port,
    received,
    close: () => (closed ??= close()),
    async connect(how) {
      const client = await connectSmtp(port, how)
      clients.push(client)
      return client
    },
  }
  return counter
}
