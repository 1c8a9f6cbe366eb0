/**
 * A real Exim as another host's mail server that sends: its own configuration, queue and log under a temporary folder, one
 * route for everything. It needs no daemon: a message is handed in on standard input and delivered before the program ends.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chown, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { copyProgram, createOwnMachine } from './own-machine.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenListening } from './when-listening.ts'

/** What Exim does about TLS: takes what is offered, insists, or does without. */
export type EximTls = 'offered' | 'required' | 'never'

export type Exim = {
  /** Hands in one message, line ends LF, and waits until Exim has tried to deliver it. @returns its log lines about it */
  send(mail: { tls: EximTls; from: string; to: readonly string[]; message: string | Buffer }): Promise<string>
  remove(): Promise<void>
}

const patienceMs = 30_000

/** @param options.port where all its mail goes, on loopback */
export async function createExim(options: { hostname: string; port: number }): Promise<Exim> {
  const scratch = await createScratch('exim')
  const at = (name: string): string => join(scratch.path, name)
  const machine = await createOwnMachine(scratch.path, { users: ['Debian-exim'] })
  const uid = machine.uids['Debian-exim'] ?? 0
  for (const folder of ['spool', 'log']) {
    await mkdir(at(folder))
    await chown(at(folder), uid, uid)
  }
  const program = await copyProgram(peerPath('exim4'), scratch.path)
  for (const tls of ['offered', 'required', 'never'] as const) await writeFile(at(tls), configuration(at, program, options, tls))
  let logged = 0
  return {
    remove: scratch.remove,
    async send({ tls, from, to, message }) {
      const { command, args } = machine.command(program, '-C', at(tls), '-odf', '-i', '-f', from, ...to)
      const child = spawn(command, args, { stdio: ['pipe', 'ignore', 'pipe'], timeout: patienceMs })
      const complaints: Buffer[] = []
      child.stderr.on('data', (piece: Buffer) => complaints.push(piece))
      child.stdin.end(message)
      const [code] = (await once(child, 'close')) as [number | null]
      if (code !== 0) throw new Error(`Exim ended with ${code}: ${Buffer.concat(complaints).toString()}`)
      const log = await readFile(at('log/main'), 'utf8')
      const lines = log.slice(logged)
      logged = log.length
      return lines
    },
  }
}

/** An Exim that takes mail of everybody for everybody, and hands it on at once to `options.port`. @returns where, and how to end it */
export async function startEximReceiver(options: {
  hostname: string
  port: number
  offersTls: boolean
}): Promise<{ port: number; stop(): Promise<void> }> {
  const scratch = await createScratch('exim')
  const at = (name: string): string => join(scratch.path, name)
  const machine = await createOwnMachine(scratch.path, { users: ['Debian-exim'] })
  const uid = machine.uids['Debian-exim'] ?? 0
  for (const folder of ['spool', 'log']) {
    await mkdir(at(folder))
    await chown(at(folder), uid, uid)
  }
  const { key, cert } = await makeCertificate(options.hostname)
  for (const [name, pem] of Object.entries({ 'key.pem': key, 'cert.pem': cert })) {
    await writeFile(at(name), pem, { mode: 0o600 })
    await chown(at(name), uid, uid)
  }
  const program = await copyProgram(peerPath('exim4'), scratch.path)
  const listensAt = await freePort()
  const takes = [
    `local_interfaces = <; 127.0.0.1`,
    `daemon_smtp_ports = ${listensAt}`,
    'acl_smtp_rcpt = accept',
    'received_headers_max = 50',
    ...(options.offersTls
      ? ['tls_advertise_hosts = *', `tls_certificate = ${at('cert.pem')}`, `tls_privatekey = ${at('key.pem')}`]
      : ['tls_advertise_hosts =']),
  ]
  await writeFile(at('conf'), `${takes.join('\n')}\n${configuration(at, program, options, 'offered')}`)
  const daemon = await startProgram({
    ...machine.command('timeout', '900', program, '-C', at('conf'), '-bdf', '-odi'),
    ready: () => whenListening(listensAt),
  })
  return {
    port: listensAt,
    async stop() {
      await daemon.stop()
      await scratch.remove()
    },
  }
}

const tlsSettings: Record<EximTls, string> = { offered: '', required: 'hosts_require_tls = *', never: 'hosts_avoid_tls = *' }

const configuration = (
  at: (name: string) => string,
  program: string,
  { hostname, port }: { hostname: string; port: number },
  tls: EximTls,
) =>
  `
exim_path = ${program}
spool_directory = ${at('spool')}
log_file_path = ${at('log')}/%s
primary_hostname = ${hostname}
# with a configuration of the test's own it may not become root again
deliver_drop_privilege
never_users =
keep_environment =
local_from_check = false
# what stands beside a delivery in the log: L commands in one go, K in chunks, M8S as 8-bit text, X= over TLS
log_selector = +pipelining +8bitmime +tls_cipher +smtp_confirmation +tls_certificate_verified
begin routers
# its own users get no bounces, nor anything else
back:
  driver = redirect
  domains = remote.test
  data = :blackhole:
everything:
  driver = manualroute
  domains = *
  transport = out
  route_list = * 127.0.0.1 byname
  self = send
begin transports
out:
  driver = smtp
  port = ${port}
  ${tlsSettings[tls]}
begin retry
* * F,1h,1h
`
