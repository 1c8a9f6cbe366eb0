/**
 * A real Postfix, started for one test: its own configuration, queue and mail under a temporary folder, its own loopback ports, no
 * DNS, nothing of the machine's own mail system touched. It is another host's mail server: it takes mail for its domain at `mx`,
 * and at `submission` its users' mail, which it sends on to `routes`. It insists on TLS when it sends to those. It needs root.
 */
import { chown, mkdir, readFile, readdir, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { type Program, startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { type RawMessage, sendRaw } from './send-raw.ts'
import { skipBecause } from './skip.ts'
import { whenSeen } from './when-seen.ts'

export type PostfixOptions = {
  /** whose mail it takes, such as `remote.test`; its own name is `mx.` before that */
  domain: string
  /** the local parts it has a mailbox for; it refuses others */
  users: readonly string[]
  ports: { mx: number; submission: number }
  /** where it sends other domains' mail: the loopback port of each one's mail server */
  routes: { [domain: string]: number }
  /** where single addresses' mail goes, without TLS */
  clearRoutes?: { [address: string]: number }
  /** sockets of the milters that see the mail it takes, in order, and of those that see its users' */
  milters?: { mx?: readonly string[]; submission?: readonly string[] }
}

/** A message as it lies in Postfix's maildir, with what Postfix says about it in front. */
export type DeliveredMail = { reversePath: string; forwardPath: string; raw: string }

export type Postfix = {
  hostname: string
  /** Everything taken so far, oldest first, once it is at least `count` messages. */
  received(count: number): Promise<DeliveredMail[]>
  /** As one of its users. The message goes out unchanged, apart from what a signing milter puts in front. */
  submit(message: Omit<RawMessage, 'host' | 'port'>): Promise<void>
  /** The part of its log that matches, once there is one. */
  logged(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

const daemons = '/usr/lib/postfix/sbin'
const nobody = 65534
// A test that is killed cannot stop its Postfix: it then ends by itself.
const longestLifeSeconds = 900
const longAgo = new Date('2020-01-01')

export const cannotRunPostfix = (): boolean => process.getuid?.() !== 0 && skipBecause('a Postfix of its own can be started by root only')

export async function startPostfix(options: PostfixOptions): Promise<Postfix> {
  const scratch = await createScratch('postfix')
  const at = (...parts: string[]): string => join(scratch.path, ...parts)
  const hostname = `mx.${options.domain}`
  await layOut(at)
  await writeConfiguration(at, hostname, options)
  const logged = (pattern: RegExp): Promise<string> =>
    whenSeen(
      at('log'),
      async () => pattern.exec(await readFile(at('log', 'mail'), 'utf8'))?.[0],
      `${String(pattern)} in the log of Postfix`,
    )
  const master = await startProgram({
    command: join(daemons, 'master'),
    args: ['-d', '-c', at('etc'), '-e', String(longestLifeSeconds)],
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', MAIL_CONFIG: at('etc'), MAIL_LOGTAG: 'postfix' },
    ready: async () => logged(/daemon started/),
  }).catch(async (error: unknown) => {
    await scratch.remove()
    throw error
  })
  return {
    hostname,
    logged,
    received: async (count) => received(at('mail', 'box', 'new'), count),
    submit: (message) => sendRaw({ port: options.ports.submission, ...message }),
    stop: async () => stop(master, scratch),
  }
}

async function stop(master: Program, scratch: { remove(): Promise<void> }): Promise<void> {
  await master.stop()
  await scratch.remove()
}

type PathOf = (...parts: string[]) => string

// What `postfix start` would make; it also checks every file of the installation, which takes seconds.
const queues = [
  'active',
  'bounce',
  'corrupt',
  'defer',
  'deferred',
  'flush',
  'hold',
  'incoming',
  'maildrop',
  'private',
  'public',
  'saved',
  'trace',
]

async function layOut(at: PathOf): Promise<void> {
  const { uid } = await userNamed('postfix')
  for (const folder of ['etc', 'log', 'queue/pid', 'mail/box']) await mkdir(at(folder), { recursive: true })
  for (const folder of ['data', ...queues.map((name) => `queue/${name}`)]) {
    await mkdir(at(folder), { mode: 0o700 })
    await chown(at(folder), uid, -1)
  }
  for (const folder of ['mail/box/new', 'mail/box/cur', 'mail/box/tmp']) await mkdir(at(folder))
  for (const folder of ['mail', 'mail/box', 'mail/box/new', 'mail/box/cur', 'mail/box/tmp']) await chown(at(folder), nobody, nobody)
  await writeFile(at('log', 'mail'), '')
}

async function userNamed(name: string): Promise<{ uid: number }> {
  const line = (await readFile('/etc/passwd', 'utf8')).split('\n').find((one) => one.startsWith(`${name}:`))
  if (line === undefined) throw new Error(`this machine has no user ${name}: is Postfix installed?`)
  return { uid: Number(line.split(':')[2]) }
}

async function writeConfiguration(at: PathOf, hostname: string, options: PostfixOptions): Promise<void> {
  const { key, cert } = await makeCertificate(hostname)
  await writeFile(at('etc', 'key.pem'), key, { mode: 0o600 })
  await writeFile(at('etc', 'cert.pem'), cert)
  const routes = { smtp: options.routes, clear: options.clearRoutes ?? {} }
  const routeLines = Object.entries(routes).flatMap(([transport, ports]) =>
    Object.entries(ports).map(([name, port]) => `${name} ${transport}:[127.0.0.1]:${port}`),
  )
  await writeFile(at('etc', 'routes'), lines(routeLines))
  await writeFile(at('etc', 'main.cf'), mainCf(at, hostname, options))
  await writeFile(at('etc', 'master.cf'), masterCf(options))
  // A Postfix program reads a fresh file again and again for two seconds, in case somebody is still writing it.
  for (const file of ['main.cf', 'routes']) await utimes(at('etc', file), longAgo, longAgo)
}

const lines = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')

const mainCf = (at: PathOf, hostname: string, { domain, users }: PostfixOptions): string =>
  lines([
    'compatibility_level = 3.6',
    'multi_instance_name = postfix-test',
    `queue_directory = ${at('queue')}`,
    `data_directory = ${at('data')}`,
    `maillog_file = ${at('log', 'mail')}`,
    `maillog_file_prefixes = ${at('log')}`,
    `myhostname = ${hostname}`,
    'inet_protocols = ipv4',
    'inet_interfaces = 127.0.0.1',
    'mydestination =',
    'alias_maps =',
    'alias_database =',
    'smtpd_peername_lookup = no',
    'smtp_dns_support_level = disabled',
    'smtp_host_lookup = native',
    // its domain's mail
    `virtual_mailbox_domains = ${domain}`,
    `virtual_mailbox_base = ${at('mail')}`,
    `virtual_mailbox_maps = inline:{ ${users.map((user) => `{ ${user}@${domain} = box/ }`).join(', ')} }`,
    `virtual_uid_maps = static:${nobody}`,
    `virtual_gid_maps = static:${nobody}`,
    'smtpd_relay_restrictions = reject_unauth_destination',
    'milter_default_action = tempfail',
    // everyone else's
    `transport_maps = texthash:${at('etc', 'routes')}`,
    'default_transport = error:no route in this test',
    // a host that greylists or is away is asked again soon
    'queue_run_delay = 1s',
    'minimal_backoff_time = 1s',
    'maximal_backoff_time = 1s',
    // a message that waits for its fellow recipients would only make the test longer
    'in_flow_delay = 0s',
    // TLS: offered to whoever comes, demanded of whoever it goes to
    'smtpd_tls_security_level = may',
    `smtpd_tls_cert_file = ${at('etc', 'cert.pem')}`,
    `smtpd_tls_key_file = ${at('etc', 'key.pem')}`,
    'smtpd_tls_received_header = yes',
    'smtpd_tls_loglevel = 1',
    'smtp_tls_security_level = encrypt',
    'smtp_tls_loglevel = 1',
  ])

const masterCf = ({ ports, milters = {} }: PostfixOptions): string =>
  lines([
    `127.0.0.1:${ports.mx} inet n - n - - smtpd -o smtpd_milters=${sockets(milters.mx)}`,
    `127.0.0.1:${ports.submission} inet n - n - - smtpd -o smtpd_milters=${sockets(milters.submission)} -o smtpd_relay_restrictions=permit_mynetworks,reject`,
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
    'clear unix - - n - - smtp -o smtp_tls_security_level=none',
    'error unix - - n - - error',
    'retry unix - - n - - error',
    'virtual unix - n n - - virtual',
    'anvil unix - - n - 1 anvil',
    'scache unix - - n - 1 scache',
    'postlog unix-dgram n - n - 1 postlogd',
  ])

const sockets = (paths: readonly string[] = []): string => paths.map((path) => `unix:${path}`).join(',')

async function received(folder: string, count: number): Promise<DeliveredMail[]> {
  const files = await whenSeen(folder, async () => enough(await readdir(folder), count), `message ${count} in the mailbox of Postfix`)
  const found = await Promise.all(
    files.map(async (name) => ({ at: (await stat(join(folder, name))).mtimeMs, raw: await readFile(join(folder, name), 'utf8') })),
  )
  return found.toSorted((one, other) => one.at - other.at).map(({ raw }) => ({ ...envelopeOf(raw), raw }))
}

const enough = (files: string[], count: number): string[] | undefined => (files.length >= count ? files : undefined)

/** virtual(8) writes the envelope in front: Return-Path, X-Original-To, Delivered-To. */
const envelopeOf = (raw: string): { reversePath: string; forwardPath: string } => ({
  reversePath: /^Return-Path: <(.*)>$/m.exec(raw)?.[1] ?? '',
  forwardPath: /^X-Original-To: (.*)$/m.exec(raw)?.[1] ?? '',
})
