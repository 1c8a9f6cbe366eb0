/**
 * A machine as a mail server expects to find it, for a program that was not installed: users of its own, empty folders where its paths
 * are compiled in. In a mount namespace, so that nothing of the real machine is touched. It needs root.
 */
import { spawnSync } from 'node:child_process'
import { copyFile, readFile, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { skipBecause } from './skip.ts'

export const cannotHaveOwnMachine = (): boolean =>
  spawnSync('unshare', ['--mount', 'true']).status !== 0 && skipBecause('mount namespaces, which these peers need, are for root only')

export type OwnMachine = {
  /** ids of the users, by name; each has a group of its own */
  uids: { [name: string]: number }
  /** The command line that runs this one there. */
  command(program: string, ...args: string[]): { command: string; args: string[] }
}

/** @param folder for its files @param options.empty folders that are empty there @param options.made folders to make in those, root's, 0711 */
export async function createOwnMachine(
  folder: string,
  options: { users: readonly string[]; empty?: readonly string[]; made?: readonly string[] },
): Promise<OwnMachine> {
  const uids = Object.fromEntries(options.users.map((name, index) => [name, firstUid + index]))
  const lines = (line: (name: string, id: number) => string) => Object.entries(uids).map(([name, id]) => `${line(name, id)}\n`)
  const passwd = join(folder, 'passwd')
  const group = join(folder, 'group')
  const others = async (file: string): Promise<string> => withoutUsers(await readFile(file, 'utf8'), options.users)
  await writeFile(passwd, [await others('/etc/passwd'), ...lines((name, id) => `${name}:x:${id}:${id}::/var/lib/empty:/usr/sbin/nologin`)])
  await writeFile(group, [await others('/etc/group'), ...lines((name, id) => `${name}:x:${id}:`)])
  const script = [
    'set -e',
    `mount --bind ${passwd} /etc/passwd`,
    `mount --bind ${group} /etc/group`,
    ...(options.empty ?? []).map((path) => `mount -t tmpfs none ${path}`),
    ...(options.made ?? []).map((path) => `mkdir -p -m 711 ${path}`),
    'exec "$@"',
  ].join('\n')
  return {
    uids,
    command: (...command) => ({ command: 'unshare', args: ['--mount', '--propagation', 'private', 'sh', '-c', script, 'sh', ...command] }),
  }
}

/** Users of the tests only: an installed package's would own files of the machine. */
const firstUid = 64_900

const withoutUsers = (text: string, names: readonly string[]): string =>
  text
    .split('\n')
    .filter((line) => !names.some((name) => line.startsWith(`${name}:`)))
    .join('\n')

/** A copy that its less privileged half may run too, wherever the original is. @returns its path */
export async function copyProgram(path: string, folder: string): Promise<string> {
  const copy = join(folder, basename(path))
  await copyFile(path, copy)
  return copy
}
