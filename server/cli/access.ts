import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import type { Config, SettingName } from '../../config/schema.ts'
import type { Io } from './command.ts'
import { settingsOf } from './settings.ts'

/** Where the running server is, and the keys to call it with. */
export type Access = { url: string; agentKey: string | null; reviewerKey: string | null }

/** From the settings; in local mode also from the file in which local mode keeps its keys. */
export function accessOf(io: Io): Access {
  const { config, values } = settingsOf(io)
  const local = config.mode === 'local' ? localKeys(config) : {}
  return {
    url: values.MULTIMAIL_API_URL ?? `http://${dialable(config.http.host)}:${config.http.port}`,
    agentKey: values.MULTIMAIL_API_KEY ?? local.MULTIMAIL_API_KEY ?? null,
    reviewerKey: values.MULTIMAIL_REVIEWER_KEY ?? local.MULTIMAIL_REVIEWER_KEY ?? values.MULTIMAIL_API_KEY ?? null,
  }
}

type LocalKeys = Partial<Record<SettingName, string>>

function localKeys(config: Config): LocalKeys {
  try {
    return parseEnv(readFileSync(join(config.dataDir, 'local.env'), 'utf8'))
  } catch {
    return {} // local mode has not run here yet
  }
}

/** An address that something listens on, as one to connect to. */
function dialable(host: string): string {
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[host] ?? host
  return reachable.includes(':') ? `[${reachable}]` : reachable
}
