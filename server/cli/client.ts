import { type TRPCClient, TRPCClientError, createTRPCClient, httpLink } from '@trpc/client'
import type { AppRouter } from '../operations/router.ts'
import { accessOf } from './access.ts'
import { type Call, Stop } from './command.ts'
import { visibleLine, visibleText } from './visible.ts'

const timeoutMs = 30_000

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
