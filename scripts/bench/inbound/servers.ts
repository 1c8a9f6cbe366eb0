/** The servers that are measured, each started inside the world. */
import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import Sqlite from 'better-sqlite3'
import { memoryEnv, memoryFlags } from '../../memory.mjs'
import type { Server } from './plan.ts'
import { type World, ourDomain, senderDomain, serverIp } from './world.ts'

export type Running = {
  port: number
  /** Resolves when all that was taken in has been dealt with. */
  drained(): Promise<void>
  stop(): Promise<void>
}

/** @param env for a slow disk */
export const startServer = (world: World, server: Server, env: Record<string, string>): Promise<Running> =>
  server === 'ours' ? startOurs(world, env).then(({ running }) => running) : startPostfix(world, server, env)

/** Where all that leaves goes, in measurements of that. */
export const sinkPort = 2500
/** Signs what it takes from the sender's domain, with the key at `dkim.pem` of the world's folder. */
export const startPostfixRelay = (world: World, env: Record<string, string>): Promise<Running> => startPostfix(world, 'relay', env)

const root = join(import.meta.dirname, '..', '..', '..')

type Made = { mailbox: { id: string }; keys: { agent: { key: string } } }

/** @param prepare is called when there are tables and keys, before the server starts */
export async function startOurs(
  world: World,
  env: Record<string, string>,
  prepare: (databaseFile: string) => void = () => {},
): Promise<{ running: Running; made: Made }> {
  const port = 2600
  const dataDir = join(world.folder, 'ours')
  rmSync(dataDir, { recursive: true, force: true })
  const settings = {
    MULTIMAIL_HOSTNAME: `mx.${ourDomain}`,
    MULTIMAIL_DATA_DIR: dataDir,
    MULTIMAIL_SMTP_HOST: serverIp,
    MULTIMAIL_SMTP_PORT: String(port),
    MULTIMAIL_HTTP_PORT: '8600',
    MULTIMAIL_DNS_SERVERS: '127.0.0.1',
    // One sender with a whole network to itself is what this measures.
    MULTIMAIL_SMTP_UNLIMITED: '192.0.2.0/24',
    MULTIMAIL_SENDER_RATE: '0',
    NODE_COMPILE_CACHE: join(world.folder, 'compiled'),
    ...memoryEnv,
  }
  const setup = [join(root, 'server/cli/main.ts'), 'setup', '--domain', ourDomain, '--json']
  const made = JSON.parse(world.run(process.execPath, setup, settings)) as Made
  prepare(join(dataDir, 'multimail.db'))
  world.start('ours', process.execPath, [...memoryFlags, join(root, 'server/main.ts')], { ...settings, ...env })
  await world.listening(port)
  const isOurs = (pid: number): boolean => commandOf(pid).includes('server/main.ts') && !commandOf(pid).startsWith('nsenter')
  const running: Running = {
    port,
    // Words are indexed behind the letters: whoever is measured next is not to wait for that.
    drained: () => until(() => waitingIn(join(dataDir, 'multimail.db')) === 0, 'all that was taken is indexed', 600),
    async stop() {
      for (const pid of world.processes(isOurs)) process.kill(pid, 'SIGTERM')
      await until(() => world.processes(isOurs).length === 0, 'our server ends')
    },
  }
  return { running, made }
}

function waitingIn(file: string): number {
  const db = new Sqlite(file, { readonly: true })
  try {
    return db.prepare<[], { waiting: number }>('select count(*) as waiting from search_queue').get()?.waiting ?? 0
  } finally {
    db.close()
  }
}

export function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}

async function until(holds: () => boolean, what: string, seconds = 60): Promise<void> {
  for (let tries = 0; tries < seconds * 10; tries++) {
    if (holds()) return
    await wait(100)
  }
  throw new Error(`it takes too long until ${what}`)
}

const nobody = 65_534
const ports = { stack: 2526, bare: 2525, relay: 2527 }
type Kind = keyof typeof ports
const sockets: Record<Kind, readonly string[]> = { stack: ['dkim', 'dmarc'], bare: [], relay: ['dkim'] }

async function startPostfix(world: World, kind: Kind, env: Record<string, string>): Promise<Running> {
  const port = ports[kind]
  const at = (...parts: string[]): string => join(world.folder, kind, ...parts)
  rmSync(at(), { recursive: true, force: true })
  for (const folder of ['etc', 'queue', 'data', 'mail/box', 'run']) mkdirSync(at(folder), { recursive: true })
  for (const folder of [world.folder, at()]) chmodSync(folder, 0o755)
  chmodSync(at('run'), 0o777)
  chownSync(at('data'), Number(execFileSync('id', ['-u', 'postfix'], { encoding: 'utf8' })), -1)
  for (const folder of ['mail', 'mail/box']) chownSync(at(folder), nobody, nobody)
  writeFileSync(at('etc', 'main.cf'), mainCf(kind, at))
  writeFileSync(at('etc', 'master.cf'), masterCf(kind))
  const milters = kind === 'bare' ? [] : kind === 'stack' ? startMilters(world, at) : startSigner(world, at)
  for (const socket of sockets[kind]) await until(() => existsSync(at('run', socket)), 'the milters listen')
  world.run('postfix', ['-c', at('etc'), 'start'], env)
  await world.listening(port)
  const waiting = (): number => ['incoming', 'active', 'deferred'].reduce((sum, name) => sum + filesIn(at('queue', name)), 0)
  return {
    port,
    async drained() {
      await until(() => waiting() === 0, 'Postfix has delivered what it took')
      rmSync(at('mail/box/new'), { recursive: true, force: true })
    },
    async stop() {
      world.run('postfix', ['-c', at('etc'), 'stop'])
      for (const one of milters) one.kill()
      const left = (pid: number): boolean => /^(?:opendkim|opendmarc|smtpd)\b/.test(commandOf(pid))
      for (const pid of kind === 'bare' ? [] : world.processes(left)) process.kill(pid, 'SIGTERM')
      // A milter that ends takes its socket away, and would take its successor's.
      await until(() => sockets[kind].every((name) => !existsSync(at('run', name))), 'the milters end')
      await wait(500)
    },
  }
}

const filesIn = (folder: string): number =>
  existsSync(folder) ? readdirSync(folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile()).length : 0

type PathOf = (...parts: string[]) => string
const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')

/** Stock limits, except that one client may have any number of connections. Milters on Unix sockets: over TCP each message waits for delayed
 *  acknowledgements. */
const mainCf = (kind: Kind, at: PathOf): string =>
  lines([
    'compatibility_level = 3.6',
    `multi_instance_name = postfix-${kind}`,
    `queue_directory = ${at('queue')}`,
    `data_directory = ${at('data')}`,
    `maillog_file = ${at('maillog')}`,
    `maillog_file_prefixes = ${at()}`,
    `myhostname = mx.${ourDomain}`,
    'mydestination =',
    'alias_maps =',
    'alias_database =',
    'inet_protocols = ipv4',
    `inet_interfaces = ${serverIp}, 127.0.0.1`,
    `mynetworks = 127.0.0.0/8${kind === 'relay' ? ', 192.0.2.0/24' : ''}`,
    `virtual_mailbox_domains = ${kind === 'relay' ? '' : ourDomain}`,
    `virtual_mailbox_base = ${at('mail')}`,
    'virtual_mailbox_maps = static:box/',
    `virtual_uid_maps = static:${nobody}`,
    `virtual_gid_maps = static:${nobody}`,
    'smtpd_client_connection_count_limit = 0',
    'smtpd_relay_restrictions = permit_mynetworks, reject_unauth_destination',
    ...(kind === 'relay' ? [`relayhost = [127.0.0.1]:${sinkPort}`] : []),
    'import_environment = MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ LANG=C POSTLOG_SERVICE POSTLOG_HOSTNAME LD_PRELOAD SLOW_SYNC_US',
    ...(kind === 'stack'
      ? [
          'smtpd_recipient_restrictions = reject_unauth_destination, check_policy_service unix:private/policyd-spf',
          'policyd-spf_time_limit = 3600',
        ]
      : []),
    `smtpd_milters = ${sockets[kind].map((name) => `unix:${at('run', name)}`).join(', ')}`,
    'milter_default_action = tempfail',
  ])

const masterCf = (kind: Kind): string =>
  lines([
    `${serverIp}:${ports[kind]} inet n - n - - smtpd`,
    'pickup unix n - n 60 1 pickup',
    'cleanup unix n - n - 0 cleanup',
    'qmgr unix n - n 300 1 qmgr',
    'tlsmgr unix - - n 1000? 1 tlsmgr',
    'rewrite unix - - n - - trivial-rewrite',
    'bounce unix - - n - 0 bounce',
    'defer unix - - n - 0 bounce',
    'trace unix - - n - 0 bounce',
    'verify unix - - n - 1 verify',
    'flush unix n - n 1000? 0 flush',
    'proxymap unix - - n - - proxymap',
    'smtp unix - - n - - smtp',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
    ...(kind !== 'stack' ? [] : ['policyd-spf unix - n n - 0 spawn user=policyd-spf argv=/usr/bin/policyd-spf']),
  ])

const common = (name: string, at: PathOf): string[] => [
  `Socket local:${at('run', name)}`,
  'UMask 000',
  `PidFile ${at('run', `${name}.pid`)}`,
]

function startSigner(world: World, at: PathOf) {
  const key = [
    'Mode s',
    `Domain ${senderDomain}`,
    'Selector sel',
    `KeyFile ${join(world.folder, 'dkim.pem')}`,
    'Canonicalization relaxed/relaxed',
  ]
  const who = ['Syslog no', 'UserID opendkim', 'InternalHosts 127.0.0.1,192.0.2.0/24', 'RequireSafeKeys no']
  writeFileSync(at('etc', 'opendkim.conf'), lines([...who, ...key, ...common('dkim', at)]))
  return [world.start('opendkim', 'opendkim', ['-f', '-x', at('etc', 'opendkim.conf')])]
}

function startMilters(world: World, at: PathOf) {
  const dkim = ['Syslog no', 'Mode v', 'UserID opendkim', 'InternalHosts 127.0.0.1', 'RequireSafeKeys no', `Nameservers ${serverIp}`]
  const dmarc = [
    'Syslog false',
    'UserID opendmarc',
    `AuthservID mx.${ourDomain}`,
    `TrustedAuthservIDs mx.${ourDomain}`,
    'RejectFailures true',
    'SPFSelfValidate false',
  ]
  writeFileSync(at('etc', 'opendkim.conf'), lines([...dkim, ...common('dkim', at)]))
  writeFileSync(at('etc', 'opendmarc.conf'), lines([...dmarc, ...common('dmarc', at)]))
  return [
    world.start('opendkim', 'opendkim', ['-f', '-x', at('etc', 'opendkim.conf')]),
    world.start('opendmarc', 'opendmarc', ['-f', '-c', at('etc', 'opendmarc.conf')]),
  ]
}
