/**
 * Local mode: the whole appliance on loopback with a demo domain, and a mail server of its own that takes what would have left.
 *
 * Promise: nothing can reach the internet by accident. All leaving mail goes to the receiver (`config/schema.ts` fixes that), and names
 * are looked up in a zone in memory, so not even a DNS question leaves.
 */
import { join } from 'node:path'
import type { Config } from '../../config/schema.ts'
import { type DkimPublicKey, dkimText } from '../../dns/records.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { type App, type Listening, createApp } from '../app.ts'
import { setUp } from '../identity/setup.ts'
import { loadOrCreateCertificate } from '../platform/certificate.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { httpUrl } from '../platform/reach.ts'
import { type LocalKeys, keysFile, readKeys, writeKeys } from './keys-file.ts'
import { type ReceivedLetter, createReceiver } from './receiver.ts'
import { demoDomain, localZone } from './zone.ts'

export type LocalAppliance = {
  app: App
  mailbox: string
  keys: LocalKeys
  smtp: Listening
  http: Listening
  receiver: Listening
  receiverDirectory: string
  keysFile: string
  stop(): Promise<void>
}

const mailbox = 'agent'

/** Sets up what is missing and opens the doors. @param onLetter called for each message that would have left */
export async function startLocal(
  config: Config,
  around: { log?: Log; clock?: Clock; onLetter(letter: ReceivedLetter): void },
): Promise<LocalAppliance> {
  const zone: Zone = {}
  const resolver = createZoneResolver(zone)
  const clock = around.clock ?? systemClock
  const receiverDirectory = join(config.dataDir, 'receiver')
  const receiver = createReceiver({
    ...receiverAt(config),
    directory: receiverDirectory,
    tls: await loadOrCreateCertificate({ dataDir: config.dataDir, hostname: config.hostname, certFile: null, keyFile: null }),
    resolver,
    clock,
    onLetter: around.onLetter,
  })
  const at = await receiver.listen()
  try {
    const app = await createApp(
      { ...config, outbound: { ...config.outbound, smarthost: { ...at, tls: 'offered', login: null } } },
      { ...around, clock, resolver },
    )
    const demo = await ensureDemo(app, config, clock)
    Object.assign(zone, localZone(demo.dkim.map((key) => ({ selector: key.selector, value: dkimText(key) }))))
    const doors = await app.start()
    // At each start: the port may be another one now.
    await writeKeys(config.dataDir, demo.keys, httpUrl(doors.http))
    return {
      app,
      mailbox: demo.mailbox,
      keys: demo.keys,
      keysFile: keysFile(config.dataDir),
      receiver: at,
      receiverDirectory,
      ...doors,
      async stop() {
        await app.stop()
        await receiver.close()
      },
    }
  } catch (error) {
    await receiver.close()
    throw error
  }
}

function receiverAt(config: Config): Listening {
  if (config.outbound.smarthost === null) throw new Error('local mode always has a receiver for leaving mail')
  return config.outbound.smarthost
}

async function ensureDemo(
  app: App,
  config: Config,
  clock: Clock,
): Promise<{ dkim: readonly DkimPublicKey[]; mailbox: string; keys: LocalKeys }> {
  const known = readKeys(config.dataDir)
  const setup = await setUp({ store: app.store, clock }, { domain: demoDomain, mailbox, newKeys: known === null })
  if (!setup.ok) throw new Error(`the demo domain could not be set up: ${setup.detail ?? setup.code}`)
  const { agent, reviewer } = setup.value.keys
  const keys = { agent: agent?.key ?? known?.agent ?? '', reviewer: reviewer?.key ?? known?.reviewer ?? '' }
  return { dkim: setup.value.dkim, mailbox: setup.value.mailbox.address, keys }
}
