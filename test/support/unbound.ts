/** Unbound as the validating resolver of the machine: what a name server on loopback says counts only as far as DNSSEC proves it. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenSeen } from './when-seen.ts'

/** `address` is what `createResolver({ servers })` takes. */
export type Unbound = { address: string; stop(): Promise<void> }

/** @property server `host:port` that has the zones @property zones their names @property anchor the record to trust
 *  @property date the time at which signatures are judged, as YYYYMMDDHHMMSS; left out: now */
export type UnboundOptions = { server: string; zones: readonly string[]; anchor: string; date?: string }

export async function startUnbound(options: UnboundOptions): Promise<Unbound> {
  const scratch = await createScratch('unbound')
  const at = (name: string): string => join(scratch.path, name)
  const port = await freePort()
  await writeFile(at('unbound.conf'), conf(scratch.path, port, options))
  const started = async () => ((await readFile(at('log'), 'utf8').catch(() => '')).includes('start of service') ? true : undefined)
  const program = await startProgram({
    command: peerPath('unbound'),
    args: ['-d', '-c', at('unbound.conf')],
    ready: () => whenSeen(scratch.path, started, 'unbound to start'),
  })
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}

/** It knows of no other servers, so nothing leaves the machine. */
const conf = (folder: string, port: number, { server, zones, anchor, date }: UnboundOptions): string => `server:
    interface: 127.0.0.1@${port}
    directory: "${folder}"
    chroot: ""
    username: ""
    pidfile: ""
    use-syslog: no
    logfile: "log"
    num-threads: 1
    outgoing-range: 64
    do-ip6: no
    do-not-query-localhost: no
    local-zone: "test." nodefault
    module-config: "validator iterator"
    trust-anchor: "${anchor.replaceAll(/\s+/g, ' ')}"
    trust-anchor-signaling: no
${date === undefined ? '' : `    val-override-date: "${date}"\n`}remote-control:
    control-enable: no
${[...zones, '.'].map((name) => `stub-zone:\n    name: "${name}"\n    stub-addr: ${server.replace(':', '@')}\n`).join('')}`
