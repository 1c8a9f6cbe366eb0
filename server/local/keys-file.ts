/** The file in which local mode keeps the keys of its demo mailbox from one start to the next. The command line finds them there, too. */
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseEnv } from 'node:util'

export type LocalKeys = { agent: string; reviewer: string }

export const keysFile = (dataDir: string): string => join(dataDir, 'local.env')

/** Null when local mode has not run here yet. */
export function readKeys(dataDir: string): LocalKeys | null {
  try {
    const { MULTIMAIL_API_KEY: agent, MULTIMAIL_REVIEWER_KEY: reviewer } = parseEnv(readFileSync(keysFile(dataDir), 'utf8'))
    return agent === undefined || reviewer === undefined ? null : { agent, reviewer }
  } catch {
    return null
  }
}

/** Settings that a shell and the command line both understand, which only the owner can read. Written whole or not at all. @param url of the API */
export async function writeKeys(dataDir: string, keys: LocalKeys, url: string): Promise<void> {
  const file = keysFile(dataDir)
  const lines = [`MULTIMAIL_API_URL=${url}`, `MULTIMAIL_API_KEY=${keys.agent}`, `MULTIMAIL_REVIEWER_KEY=${keys.reviewer}`]
  await writeFile(`${file}.new`, `${lines.join('\n')}\n`, { mode: 0o600 })
  await rename(`${file}.new`, file)
}
