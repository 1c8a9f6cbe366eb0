/**
 * Local mode: the whole appliance on loopback with a demo domain, and a mail server of its own that takes what would have left.
 *
 * Promise: nothing can reach the internet by accident. All leaving mail goes to the receiver (`config/schema.ts` fixes that), and names
 * are looked up in a zone in memory, so not even a DNS question leaves.
 */
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import type { Config } from '../../config/schema.ts'
import { type DkimPublicKey, dkimText } from '../../dns/records.ts'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { type App, type Listening, createApp } from '../app.ts'
import { setUp } from '../identity/setup.ts'
import { loadOrCreateCertificate } from '../platform/certificate.ts'
import { type Clock, systemClock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import { type ReceivedLetter, createReceiver } from './receiver.ts'
import { demoDomain, localZone } from './zone.ts'

/** The keys of the demo mailbox; kept in `<dataDir>/local.env`, which only the owner can read. */
export type LocalKeys = { agent: string; reviewer: string }

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
    const app = await createApp({ ...config, outbound: { ...config.outbound, smarthost: at } }, { ...around, clock, resolver })
    const demo = await ensureDemo(app, config, clock)
    Object.assign(zone, localZone(demo.dkim.map((key) => ({ selector: key.selector, value: dkimText(key) }))))
    const doors = await app.start()
    // At each start: the port may be another one now.
    await writeKeys(config, demo.keys, doors.http)
    return {
      app,
      mailbox: demo.mailbox,
      keys: demo.keys,
      keysFile: keysFile(config),
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
  const known = await readKeys(config)
  const setup = await setUp({ store: app.store, clock }, { domain: demoDomain, mailbox, newKeys: known === null })
  if (!setup.ok) throw new Error(`the demo domain could not be set up: ${setup.detail ?? setup.code}`)
  const { agent, reviewer } = setup.value.keys
  const keys = { agent: agent?.key ?? known?.agent ?? '', reviewer: reviewer?.key ?? known?.reviewer ?? '' }
  return { dkim: setup.value.dkim, mailbox: setup.value.mailbox.address, keys }
}

const keysFile = (config: Config): string => join(config.dataDir, 'local.env')

async function readKeys(config: Config): Promise<LocalKeys | null> {
  const text = await readFile(keysFile(config), 'utf8').catch(() => null)
  const { MULTIMAIL_API_KEY: agent, MULTIMAIL_REVIEWER_KEY: reviewer } = parseEnv(text ?? '')
  return agent === undefined || reviewer === undefined ? null : { agent, reviewer }
}

/** Settings that a shell and the command line both understand. Written whole or not at all. */
async function writeKeys(config: Config, keys: LocalKeys, http: Listening): Promise<void> {
  const file = keysFile(config)
  const lines = [
    `MULTIMAIL_API_URL=http://${http.host}:${http.port}`,
    `MULTIMAIL_API_KEY=${keys.agent}`,
    `MULTIMAIL_REVIEWER_KEY=${keys.reviewer}`,
  ]
  await writeFile(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
