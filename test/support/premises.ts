/**
 * Where an appliance lives, and what lies around it, for as long as a suite runs: a store that outlives each process, two mailboxes with
 * their keys, and a small world of names in which our domain has exactly the records that `dns/records.ts` tells an operator to publish.
 */
import { randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { inject } from 'vitest'
import type { DomainName } from '../../dns/name.ts'
import { type DkimPublicKey, recordsToPublish } from '../../dns/records.ts'
import type { Zone } from '../../dns/resolver.ts'
import { setUp, type Setup } from '../../server/identity/setup.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { openStore, type Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import { makeCertificate } from './certificate.ts'
import { type Appliance, type StartOptions, startAppliance } from './child-appliance.ts'
import { type ServerHabits, startDnsServer } from './dns-server.ts'
import { publish } from './dns-zone.ts'
import { createScratch } from './scratch.ts'

const ourDomain = 'ours.test' as DomainName
export const ourHostname = 'mx.ours.test' as DomainName

/** `support@ours.test` is gated (`gated_send`) and `robot@ours.test` autonomous; each has an agent, and one reviewer decides for both. */
export type Premises = {
  keys: { support: string; robot: string; reviewer: string }
  /** All names of this world, ours included. */
  zone: Zone
  /** the appliance's data folder */
  dataDir: string
  /** null on SQLite */
  databaseUrl: string | null
  /** @param options.env besides its configuration */
  start(options?: Pick<StartOptions, 'aheadMs' | 'killAt'> & { env?: Record<string, string> }): Promise<Appliance>
  /** Looks into the store while no appliance runs on it. */
  inspect<T>(look: (store: Store) => Promise<T>): Promise<T>
  /** Stops what still runs there, too. */
  remove(): Promise<void>
}

/** @param options.remotePort where other domains' mail servers are reached, as port 25 is in the world
 *  @param options.names the rest of the world's DNS @param options.habits of whom answers from it */
export async function createPremises(options: {
  engine: Engine
  remotePort: number
  names: Zone
  habits?: ServerHabits
}): Promise<Premises> {
  const scratch = await createScratch('premises')
  const database = options.engine === 'postgres' ? await createDatabase() : null
  const place = { databaseUrl: database?.url ?? null, dataDir: join(scratch.path, 'data') }
  const inspect = async <T>(look: (store: Store) => Promise<T>): Promise<T> => {
    const store = await openStore({ ...place, log: silentLog, clock: systemClock })
    try {
      return await look(store)
    } finally {
      await store.close()
    }
  }
  const { keys, dkim } = await inspect(furnish)
  const zone = { ...options.names, ...publishedZone(dkim) }
  const dns = await startDnsServer(zone, options.habits)
  const { key, cert } = await makeCertificate(ourHostname)
  await writeFile(join(scratch.path, 'key.pem'), key)
  await writeFile(join(scratch.path, 'cert.pem'), cert)
  const env = {
    MULTIMAIL_HOSTNAME: ourHostname,
    MULTIMAIL_DATA_DIR: place.dataDir,
    ...(place.databaseUrl !== null && { DATABASE_URL: place.databaseUrl }),
    MULTIMAIL_SMTP_PORT: '0',
    // Tests send more in a minute than one sender may in an hour.
    MULTIMAIL_SENDER_RATE: '0',
    MULTIMAIL_HTTP_PORT: '0',
    MULTIMAIL_TLS_KEY_FILE: join(scratch.path, 'key.pem'),
    MULTIMAIL_TLS_CERT_FILE: join(scratch.path, 'cert.pem'),
    MULTIMAIL_OUTBOUND_PORT: String(options.remotePort),
    MULTIMAIL_ALLOW_PRIVATE_TARGETS: 'true',
    MULTIMAIL_DNS_SERVERS: dns.address,
  }
  const started: Appliance[] = []
  let starts = 0
  return {
    keys,
    zone,
    inspect,
    ...place,
    async start({ env: moreEnv = {}, ...more } = {}) {
      const folder = join(scratch.path, `start-${(starts += 1)}`)
      await mkdir(folder)
      const appliance = await startAppliance({ env: { ...env, ...moreEnv }, folder, ...more })
      started.push(appliance)
      return appliance
    },
    async remove() {
      await Promise.all(started.map((appliance) => appliance.stop()))
      await dns.stop()
      await database?.drop()
      await scratch.remove()
    },
  }
}

async function furnish(store: Store): Promise<{ keys: Premises['keys']; dkim: readonly DkimPublicKey[] }> {
  const support = await setUpMailbox(store, 'support')
  const robot = await setUpMailbox(store, 'robot')
  await store.db.updateTable('mailboxes').set({ oversight_mode: 'autonomous' }).where('id', '=', robot.mailbox.id).execute()
  const keyOf = (issued: { key: string } | null): string => issued?.key ?? ''
  return {
    keys: { support: keyOf(support.keys.agent), robot: keyOf(robot.keys.agent), reviewer: keyOf(support.keys.reviewer) },
    dkim: support.dkim,
  }
}

async function setUpMailbox(store: Store, mailbox: string): Promise<Setup> {
  const setup = await setUp({ store, clock: systemClock }, { domain: ourDomain, mailbox })
  if (!setup.ok) throw new Error(setup.code)
  return setup.value
}

/** In a world where our address is the loopback one. */
const publishedZone = (dkim: readonly DkimPublicKey[]): Zone =>
  publish(recordsToPublish({ domain: ourDomain, hostname: ourHostname, addresses: ['127.0.0.1'], dkim, reportsTo: null }))

async function createDatabase(): Promise<{ url: string; drop(): Promise<void> }> {
  const server = inject('postgresUrl')
  if (server === null) throw new Error('no PostgreSQL')
  const name = `t_${randomUUID().replaceAll('-', '')}`
  const run = async (statement: string): Promise<void> => {
    const client = new pg.Client({ connectionString: server })
    await client.connect()
    try {
      await client.query(statement)
    } finally {
      await client.end()
    }
  }
  await run(`create database ${name}`)
  return { url: server.replace(/\/[^/]*$/, `/${name}`), drop: () => run(`drop database ${name} with (force)`) }
}
