/** OpenDKIM and OpenDMARC as milters for a Postfix: a judgement on our mail by programs that are not ours. They ask no DNS: what
 *  it would answer is given to them as a file. */
import { access, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Zone } from '../../dns/resolver.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenSeen } from './when-seen.ts'

/** `sockets` in the order in which Postfix is to ask them. */
export type Milters = { sockets: string[]; stop(): Promise<void> }

/** Says in Authentication-Results fields what DKIM (OpenDKIM) and DMARC (OpenDMARC) make of each message. */
export async function startVerifier(options: { authservId: string; zone: Zone }): Promise<Milters> {
  const scratch = await createScratch('verifier')
  const at = (name: string): string => join(scratch.path, name)
  const records = at('records')
  await writeFile(records, textRecords(options.zone))
  await writeFile(
    at('opendkim.conf'),
    conf([
      ...common(at('opendkim.sock')),
      'Mode v',
      `AuthservID ${options.authservId}`,
      'AlwaysAddARHeader yes',
      `TestDNSData file:${records}`,
      // By default both take 127.0.0.1 for a friend and do not look closely.
      'InternalHosts 192.0.2.1',
      'RequireSafeKeys no',
    ]),
  )
  await writeFile(at('friends'), '192.0.2.1\n')
  await writeFile(
    at('opendmarc.conf'),
    conf([
      ...common(at('opendmarc.sock')),
      `AuthservID ${options.authservId}`,
      `TrustedAuthservIDs ${options.authservId}`,
      `TestDNSData ${records}`,
      `IgnoreHosts ${at('friends')}`,
      'SPFIgnoreResults true',
    ]),
  )
  const dkim = await startMilter(scratch.path, 'opendkim', ['-f', '-x', at('opendkim.conf')])
  const dmarc = await startMilter(scratch.path, 'opendmarc', ['-f', '-c', at('opendmarc.conf')])
  return {
    sockets: [dkim.socket, dmarc.socket],
    async stop() {
      await Promise.all([dkim.stop(), dmarc.stop()])
      await scratch.remove()
    },
  }
}

/** Signs every message it is shown. @param options.privateKey PEM */
export async function startSigner(options: { domain: string; selector: string; privateKey: string }): Promise<Milters> {
  const scratch = await createScratch('signer')
  const at = (name: string): string => join(scratch.path, name)
  await writeFile(at('key.pem'), options.privateKey, { mode: 0o600 })
  await writeFile(
    at('opendkim.conf'),
    conf([
      ...common(at('opendkim.sock')),
      'Mode s',
      `Domain ${options.domain}`,
      `Selector ${options.selector}`,
      `KeyFile ${at('key.pem')}`,
      'Canonicalization relaxed/relaxed',
      'InternalHosts 127.0.0.1',
      'RequireSafeKeys no',
    ]),
  )
  const dkim = await startMilter(scratch.path, 'opendkim', ['-f', '-x', at('opendkim.conf')])
  return {
    sockets: [dkim.socket],
    async stop() {
      await dkim.stop()
      await scratch.remove()
    },
  }
}

const conf = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('')

// Postfix speaks to them as a user of its own, so the socket is open to all.
const common = (socket: string): string[] => [`Socket local:${socket}`, 'UMask 000', 'Syslog no']

async function startMilter(
  folder: string,
  name: 'opendkim' | 'opendmarc',
  args: string[],
): Promise<{ socket: string; stop(): Promise<void> }> {
  const socket = join(folder, `${name}.sock`)
  const listening = async (): Promise<true | undefined> =>
    access(socket).then(
      () => true as const,
      () => undefined,
    )
  const program = await startProgram({
    command: peerPath(name),
    args,
    ready: async () => whenSeen(folder, listening, `the socket of ${name}`),
    // libmilter looks for a wish to stop every five seconds, and a milter has nothing to lose
    stopWith: 'SIGKILL',
  })
  return { socket, stop: () => program.stop() }
}

/** The TXT records of a zone, one a line: name, white space, the text joined. */
const textRecords = (zone: Zone): string =>
  conf(
    Object.entries(zone).flatMap(([name, { TXT = [] }]) =>
      TXT.map((record) => `${name.replace(/\.$/, '')} ${typeof record === 'string' ? record : record.join('')}`),
    ),
  )
