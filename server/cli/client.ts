import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseEnv } from 'node:util'
import { type TRPCClient, TRPCClientError, createTRPCClient, httpLink } from '@trpc/client'
import type { Config, Settings } from '../../config/schema.ts'
import type { AppRouter } from '../operations/router.ts'
import { type Call, type Io, Stop } from './command.ts'
import { settingsOf } from './host.ts'
import { visibleLine, visibleText } from './visible.ts'

const timeoutMs = 30_000

/** Where the running server is, and the keys to call it with. */
export type Access = { url: string; agentKey: string | null; reviewerKey: string | null }

/** From the settings; in local mode also from the file in which local mode keeps its keys. */
export function accessOf(io: Io): Access {
  const { config, values } = settingsOf(io)
  const local = config.mode === 'local' ? localKeys(config) : {}
  return {
    url: values.MULTIMAIL_API_URL ?? `http://${dialable(config.http.host)}:${config.http.port}`,
    agentKey: values.MULTIMAIL_API_KEY ?? local.MULTIMAIL_API_KEY ?? null,
    reviewerKey: values.MULTIMAIL_REVIEWER_KEY ?? values.MULTIMAIL_API_KEY ?? local.MULTIMAIL_REVIEWER_KEY ?? null,
  }
}

type LocalKeys = Partial<Record<keyof Settings, string>>

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

export type Reviewer = TRPCClient<AppRouter>

/** Calls the running server as a reviewer, and turns what it refuses into an end of the command. */
export async function asReviewer<T>(call: Call, work: (server: Reviewer) => Promise<T>): Promise<T> {
  const { url, reviewerKey } = accessOf(call.io)
  if (reviewerKey === null) throw new Stop('Set MULTIMAIL_REVIEWER_KEY to a key with oversight scope. `multimail setup` issues one.', 2)
  const link = httpLink({
    url: `${url}/trpc`,
    headers: { authorization: `Bearer ${reviewerKey}` },
    fetch: (input, init) => fetch(input as string | URL, { ...(init as RequestInit), signal: AbortSignal.timeout(timeoutMs) }),
  })
  try {
    return await work(createTRPCClient<AppRouter>({ links: [link] }))
  } catch (error) {
    if (error instanceof TRPCClientError) throw new Stop(refusalText(error as TRPCClientError<AppRouter>, url))
    throw error
  }
}

function refusalText(error: TRPCClientError<AppRouter>, url: string): string {
  const data = error.data as { fix?: unknown } | null | undefined
  if (data === null || data === undefined)
    return `No MultiMail server answers at ${url} (${visibleLine(error.message)}). Is it running? MULTIMAIL_API_URL says where.`
  return [visibleLine(error.message), ...(typeof data.fix === 'string' ? [visibleText(data.fix, '')] : [])].join('\n')
}
