// Programs that are not ours, which tests under test/peers talk to. On a person's machine a test whose peer is missing is a skip that says
// so; in CI it fails, so that "passed" there means it was run.
import { accessSync, constants } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { skipBecause } from './skip.ts'

/** Each program, and the package of Debian that has it. */
const packages = {
  postfix: 'postfix',
  opendkim: 'opendkim',
  opendmarc: 'opendmarc',
  swaks: 'swaks',
  clamd: 'clamav-daemon',
  rspamd: 'rspamd',
  knotd: 'knot',
  unbound: 'unbound',
  chromium: 'chromium',
  coqc: 'coq',
} as const
export type Peer = keyof typeof packages
/** Programs of mail servers that cannot be installed beside Postfix; `smtpd` is OpenSMTPD. */
export type UnpackedPeer = 'exim4' | 'smtpd'

/**
 * True when one of these peers is not installed: `describe.skipIf(missingPeer('postfix', 'opendkim'))('a real Postfix', …)`.
 * Says what to install. In CI it throws instead, which fails the file.
 */
export function missingPeer(...names: readonly Peer[]): boolean {
  const missing = names.filter((name) => find(name) === null)
  if (missing.length === 0) return false
  return skipBecause(
    `missing ${missing.join(' and ')}; on Debian: apt-get install --no-install-recommends ${missing.map((name) => packages[name]).join(' ')}`,
  )
}

/** The same for one that is downloaded and unpacked. */
export const missingUnpackedPeer = (name: UnpackedPeer): boolean =>
  find(name) === null && skipBecause(`missing ${name}; on Debian, as root: .ci/unpack-peers`)

/** The same for the published Python clients, which have a Python of their own. */
export const missingPythonClients = (): boolean =>
  !executable(pythonOfClients()) && skipBecause('missing the Python clients; with python3-venv of Debian: .ci/install-python-clients')

export const pythonOfClients = (): string => join(unpacked, 'python/bin/python')

/** The full path of a peer's program, for starting it. Throws when it is not installed. */
export function peerPath(program: string): string {
  const path = find(program)
  if (path === null) throw new Error(`${program} is not installed`)
  return path
}

/** Where .ci/unpack-peers puts what it downloads. */
const unpacked = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'multimail-peers')

/** Mail servers live in sbin, which is not on everybody's PATH. */
function find(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin', join(unpacked, 'usr/sbin')]
  return folders.map((folder) => join(folder, program)).find(executable) ?? null
}

function executable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
