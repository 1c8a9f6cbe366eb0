import { readFileSync } from 'node:fs'

/** How many files and sockets this process may have open at one time; null where the system does not say. (Node raises its soft limit to the
 *  hard one when it starts.) */
export function maxDescriptors(limits = '/proc/self/limits'): number | null {
  try {
    const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync(limits, 'utf8')) ?? []
    return soft === undefined ? null : Number(soft)
  } catch {
    return null
  }
}
