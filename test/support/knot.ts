/** Knot DNS as an authoritative server: answers by a program that is not ours, in the wire format that is. It also signs zones. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenSeen } from './when-seen.ts'

/** `address` is what `createResolver({ servers })` takes. */
export type Knot = { address: string; stop(): Promise<void> }

/** @param zone a zone file without `$ORIGIN` (RFC 1035 §5) for the zone `test` @param others further zones, by name */
export const startKnot = (zone: string, others: Readonly<Record<string, string>> = {}): Promise<Knot> =>
  start({ zones: { test: zone, ...others }, signs: false })

/** The zone `test` with DNSSEC, by a new key that is valid now. @returns the zone file, and its key as a record to trust */
export async function signZone(zone: string): Promise<{ zone: string; anchor: string }> {
  const knot = await start({ zones: { test: zone }, signs: true })
  const written = async (): Promise<string | undefined> => {
    const text = await readFile(join(knot.folder, 'test.zone'), 'utf8')
    return text.includes(';; Written') ? text : undefined
  }
  try {
    const signed = await whenSeen(knot.folder, written, 'knotd to sign the zone')
    const anchor = signed.split('\n').find((line) => /^test\.\s+\d+\s+DNSKEY\s/.test(line))
    if (anchor === undefined) throw new Error(`no key in the zone:\n${signed}`)
    return { zone: signed, anchor }
  } finally {
    await knot.stop()
  }
}

type How = { zones: Readonly<Record<string, string>>; signs: boolean }

async function start({ zones, signs }: How): Promise<Knot & { folder: string }> {
  const scratch = await createScratch('knot')
  const at = (name: string): string => join(scratch.path, name)
  const port = await freePort()
  for (const [name, zone] of Object.entries(zones)) await writeFile(at(`${name}.zone`), `$ORIGIN ${name}.\n${zone}`)
  await writeFile(at('knot.conf'), conf(scratch.path, port, { zones, signs }))
  const started = async () => ((await readFile(at('knot.log'), 'utf8').catch(() => '')).includes('server started') ? true : undefined)
  const program = await startProgram({
    command: peerPath('knotd'),
    args: ['-c', at('knot.conf')],
    ready: () => whenSeen(scratch.path, started, 'knotd to start'),
  })
  return {
    address: `127.0.0.1:${port}`,
    folder: scratch.path,
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}

/** Not before the zones are there: until then it would answer SERVFAIL. */
const conf = (folder: string, port: number, { zones, signs }: How): string => `server:
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
policy:
  - id: one-key
    single-type-signing: on
zone:
${Object.keys(zones)
  .map((name) => zoneConf(folder, name, signs))
  .join('')}`

const zoneConf = (folder: string, name: string, signs: boolean): string => `  - domain: ${name}
    storage: "${folder}"
    file: "${name}.zone"
    journal-content: none
${signs ? signing : '    zonefile-sync: -1\n'}`

const signing = `    zonefile-sync: 0
    zonefile-load: whole
    dnssec-signing: on
    dnssec-policy: one-key
`
