// Programs that are not ours, which tests under test/peers talk to. On a person's machine a test whose peer is missing is a skip that says
// so; in CI it fails, so that "passed" there means it was run.
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Each peer: the program that shows it is there, and Debian's package. */
const peers = {
  postfix: { program: 'postfix', package: 'postfix' },
  opendkim: { program: 'opendkim', package: 'opendkim' },
  'opendkim-testmsg': { program: 'opendkim-testmsg', package: 'opendkim-tools' },
  opendmarc: { program: 'opendmarc', package: 'opendmarc' },
  swaks: { program: 'swaks', package: 'swaks' },
  curl: { program: 'curl', package: 'curl' },
} as const

export type Peer = keyof typeof peers

/**
 * True when one of these peers is not installed: `describe.skipIf(missingPeer('postfix', 'opendkim'))('a real Postfix', …)`.
 * Says what to install. In CI it throws instead, which fails the file.
 */
export function missingPeer(...names: readonly Peer[]): boolean {
  const missing = names.filter((name) => find(peers[name].program) === null)
  if (missing.length === 0) return false
  const packages = missing.map((name) => peers[name].package).join(' ')
  const message = `missing ${missing.join(' and ')}; on Debian: apt-get install --no-install-recommends ${packages}`
  if (process.env['CI'] !== undefined) throw new Error(message)
  console.warn(`skipped, ${message}`)
  return true
}

/** The full path of a peer's program, for starting it. Throws when it is not installed. */
export function peerPath(program: string): string {
  const path = find(program)
  if (path === null) throw new Error(`${program} is not installed`)
  return path
}

/** Mail servers live in sbin, which is not on everybody's PATH. */
function find(program: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin', '/sbin']
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
