/** Knot DNS as an authoritative server of one zone: answers by a program that is not ours, in the wire format that is. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenSeen } from './when-seen.ts'

/** `address` is what `createResolver({ servers })` takes. */
export type Knot = { address: string; stop(): Promise<void> }

/** @param zone a zone file without `$ORIGIN` (RFC 1035 §5) for the zone `test` */
export async function startKnot(zone: string): Promise<Knot> {
  const scratch = await createScratch('knot')
  const at = (name: string): string => join(scratch.path, name)
  const port = await freePort()
  await writeFile(at('test.zone'), `$ORIGIN test.\n${zone}`)
  await writeFile(at('knot.conf'), conf(scratch.path, port))
  const started = async () => ((await readFile(at('knot.log'), 'utf8').catch(() => '')).includes('server started') ? true : undefined)
  const program = await startProgram({
    command: peerPath('knotd'),
    args: ['-c', at('knot.conf')],
    ready: () => whenSeen(scratch.path, started, 'knotd to start'),
  })
  return {
    address: `127.0.0.1:${port}`,
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}

/** Not before the zone is there: until then it would answer SERVFAIL. */
const conf = (folder: string, port: number): string => `server:
    listen: 127.0.0.1@${port}
    rundir: "${folder}"
    async-start: off
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
log:
  - target: "${folder}/knot.log"
    any: info
database:
    storage: "${folder}"
zone:
  - domain: test
    storage: "${folder}"
    file: "test.zone"
    zonefile-sync: -1
    journal-content: none
`
