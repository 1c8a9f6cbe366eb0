import { watch } from 'node:fs'

/** Waits for what another process does to files: asks `look` now, and again whenever something in `folder` changes.
 *  Resolves with its first answer that is not undefined; rejects after `deadlineMs`, naming `what` was waited for. */
export async function whenSeen<T>(folder: string, look: () => Promise<T | undefined>, what: string, deadlineMs = 15_000): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>()
  const ask = (): void => {
    look().then((answer) => answer !== undefined && resolve(answer), reject)
  }
  const watcher = watch(folder, ask)
  const timer = setTimeout(() => reject(new Error(`waited ${deadlineMs} ms in vain: ${what}`)), deadlineMs)
  ask()
  try {
    return await promise
  } finally {
    watcher.close()
    clearTimeout(timer)
  }
}
