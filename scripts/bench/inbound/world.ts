/** A network, a process table and a view of the files of its own, with a name server: nothing of the machine's own mail is touched, and when it
 *  ends everything in it does. */
import { type ChildProcess, type ChildProcessByStdio, execFileSync, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'

export const serverIp = '192.0.2.1'
/** Of the sender, whose SPF record lists it. */
export const senderIp = '192.0.2.77'
export const senderDomain = 'sender.example'
export const ourDomain = 'peer.example'

const intoIt = 'nsenter'

export type World = {
  folder: string
  /** Starts a program inside; what it prints goes to a file of that name. */
  start(name: string, command: string, args: readonly string[], env?: Record<string, string>): ChildProcess
  /** Starts one whose output is read. */
  spawn(command: string, args: readonly string[]): ChildProcessByStdio<null, Readable, null>
  /** Runs one to its end. @returns what it prints; throws when it fails */
  run(command: string, args: readonly string[], env?: Record<string, string>): string
  /** Ids, as seen from outside, of the processes inside for which `is` holds. */
  processes(is: (pid: number) => boolean): number[]
  listening(port: number): Promise<void>
  end(): void
}

/** @param keyText the sender's public DKIM key, base64 */
export async function openWorld(folder: string, keyText: string): Promise<World> {
  mkdirSync(join(folder, 'log'), { recursive: true })
  const hold = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc', '--propagation', 'private', 'sleep', 'infinity']
  const holder = spawn('unshare', hold, { stdio: 'ignore' })
  const inside = await childOf(holder.pid ?? 0)
  const network = readlinkSync(`/proc/${inside}/ns/net`)
  const enter = ['-t', String(inside), '-n', '-m', '-p', '--']
  const environment = (env: Record<string, string> = {}) => ({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', ...env })
  const world: World = {
    folder,
    start(name, command, args, env) {
      const out = openSync(join(folder, 'log', name), 'a')
      return spawn(intoIt, [...enter, command, ...args], { stdio: ['ignore', out, out], env: environment(env) })
    },
    spawn: (command, args) => spawn(intoIt, [...enter, command, ...args], { stdio: ['ignore', 'pipe', 'inherit'], env: environment() }),
    run: (command, args, env) =>
      execFileSync(intoIt, [...enter, command, ...args], { env: environment(env), encoding: 'utf8', maxBuffer: 1e9 }),
    processes: (is) => pidsIn(network).filter((pid) => pid !== inside && is(pid)),
    async listening(port) {
      for (let tries = 0; tries < 300; tries++) {
        if (world.run('ss', ['-Hltn', `sport = :${port}`]).trim() !== '') return
        await wait(100)
      }
      throw new Error(`nothing listens on port ${port}; see ${join(folder, 'log')}`)
    },
    end: () => void process.kill(inside, 'SIGKILL'),
  }
  furnish(world)
  await serveNames(world, keyText)
  return world
}

async function childOf(parent: number): Promise<number> {
  for (let tries = 0; tries < 100; tries++) {
    const [child] = readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ')
    if (child && readlinkSync(`/proc/${child}/exe`).endsWith('sleep')) return Number(child)
    await wait(50)
  }
  throw new Error('a namespace could not be made')
}

const pidsIn = (network: string): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && linkOf(`/proc/${name}/ns/net`) === network)
    .map(Number)

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}

function furnish(world: World): void {
  const ip = (...args: string[]): string => world.run('ip', args)
  ip('link', 'set', 'lo', 'up')
  for (const address of [serverIp, senderIp]) ip('addr', 'add', `${address}/32`, 'dev', 'lo')
  // Thousands of short connections a second would use up the ports of one address.
  const limits = { 'ipv4/tcp_tw_reuse': '1', 'ipv4/ip_local_port_range': '10000 65000', 'core/somaxconn': '4096' }
  for (const [name, value] of Object.entries(limits)) world.run('sh', ['-c', `echo ${value} > /proc/sys/net/${name}`])
  const over = (file: string, text: string): void => {
    const own = join(world.folder, file.replaceAll('/', '-'))
    writeFileSync(own, text)
    world.run('mount', ['--bind', own, file])
  }
  over('/etc/resolv.conf', 'nameserver 127.0.0.1\n')
  over('/etc/hosts', `127.0.0.1 localhost\n${serverIp} mx.${ourDomain}\n`)
}

const zone = (origin: string, records: readonly string[]): string =>
  [`$ORIGIN ${origin}`, '$TTL 300', '@ SOA ns.example. h.example. 1 300 300 300 300', '@ NS ns.example.', ...records, ''].join('\n')

async function serveNames(world: World, keyText: string): Promise<void> {
  const at = (name: string): string => join(world.folder, 'dns', name)
  mkdirSync(at(''), { recursive: true })
  const quoted = (`v=DKIM1; k=rsa; p=${keyText}`.match(/.{1,200}/g) ?? []).map((part) => `"${part}"`).join(' ')
  const zones: Record<string, string> = {
    '.': zone('.', []),
    example: zone('example.', [
      'ns A 127.0.0.1',
      `sender A ${senderIp}`,
      'sender MX 10 mx.sender',
      `mx.sender A ${senderIp}`,
      `sender TXT "v=spf1 ip4:${senderIp} -all"`,
      `mx.sender TXT "v=spf1 ip4:${senderIp} -all"`,
      `sel._domainkey.sender TXT ${quoted}`,
      '_dmarc.sender TXT "v=DMARC1; p=reject; adkim=s; aspf=r"',
      `peer A ${serverIp}`,
      'peer MX 10 mx.peer',
      `mx.peer A ${serverIp}`,
    ]),
    '2.0.192.in-addr.arpa': zone('2.0.192.in-addr.arpa.', ['77 PTR mx.sender.example.', '1 PTR mx.peer.example.']),
  }
  const files = Object.entries(zones).map(([name, text], index) => ({ name, text, file: at(`${index}.zone`) }))
  for (const { file, text } of files) writeFileSync(file, text)
  // libunbound, inside opendkim, asks nobody on 127.0.0.1.
  const configuration = `server:
    listen: [ 127.0.0.1@53, ${serverIp}@53 ]
    rundir: ${at('')}
    user: root:root
database:
    storage: ${at('')}
log:
  - target: stderr
    any: warning
zone:
${files.map(({ name, file }) => `  - domain: ${name}\n    file: ${file}\n`).join('')}`
  writeFileSync(at('knot.conf'), configuration)
  world.start('knot', 'knotd', ['-c', at('knot.conf')])
  await world.listening(53)
}

/** What of the programs is not on this machine. */
export function missing(): string[] {
  const found = (name: string): boolean => ['/usr/sbin', '/usr/bin', '/sbin', '/bin'].some((folder) => existsSync(join(folder, name)))
  const programs = ['unshare', 'nsenter', 'ip', 'ss', 'mount', 'knotd', 'postfix', 'opendkim', 'opendmarc', 'policyd-spf']
  return programs.filter((name) => !found(name))
}

/** Null when there is no compiler. */
export function slowSyncLibrary(folder: string): string | null {
  const library = join(folder, 'slow-sync.so')
  const source = join(import.meta.dirname, 'slow-sync.c')
  return spawnSync('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']).status === 0 ? library : null
}
