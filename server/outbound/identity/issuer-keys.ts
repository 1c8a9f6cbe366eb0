/**
 * The public keys of other installations, fetched from where their tokens say and kept for a while.
 *
 * Promises: only public addresses are dialled, over a verified https connection, without redirects; an answer is bounded in size and time; whoever
 * names a thousand issuers makes us ask a few at a time, and no more than once in a while each.
 */
import { z } from 'zod'
import type { DomainName } from '../../../dns/name.ts'
import { type HttpsDeps, askOverHttps } from '../../platform/https.ts'
import type { IssuerKey } from './received-token.ts'

const path = '/.well-known/multimail-signing-key'
const maxBytes = 32 * 1024
const mostKeys = 20
const keptMs = 60 * 60_000
/** Who is down, or serves something else, is left alone for so long. */
const failedMs = 5 * 60_000
const mostKept = 2_000
const mostAtOnce = 10
/** A sender waits for its 250. */
const patienceMs = 5_000

const Key = z.object({
  kid: z.string().max(100),
  kty: z.literal('EC'),
  crv: z.literal('P-256'),
  x: z.string().regex(/^[\w-]{43}$/),
  y: z.string().regex(/^[\w-]{43}$/),
})
const SigningKeys = z.object({ keys: z.array(z.unknown()).max(mostKeys) })

/** Null when they cannot be had now. Never rejects. */
export type IssuerKeys = (issuer: DomainName) => Promise<readonly IssuerKey[] | null>

type Known = { until: number; keys: readonly IssuerKey[] | null }

export function createIssuerKeys(deps: HttpsDeps): IssuerKeys {
  const { clock } = deps
  const known = new Map<DomainName, Known>()
  const asking = new Map<DomainName, Promise<readonly IssuerKey[] | null>>()

  async function ask(issuer: DomainName): Promise<readonly IssuerKey[] | null> {
    const answer = await askOverHttps(deps, { host: issuer, path, content: null, maxBytes })
    const keys = answer.ok && answer.value.status === 200 ? keysIn(answer.value.body) : null
    // The longest known goes first: a map keeps the order in which things came.
    for (const old of known.keys()) {
      if (known.size < mostKept) break
      known.delete(old)
    }
    known.delete(issuer)
    known.set(issuer, { keys, until: clock.now() + (keys === null ? failedMs : keptMs) })
    return keys
  }

  return (issuer) => {
    const cached = known.get(issuer)
    if (cached !== undefined && cached.until > clock.now()) return Promise.resolve(cached.keys)
    const running = asking.get(issuer)
    if (running === undefined && asking.size >= mostAtOnce) return Promise.resolve(null)
    const answer = running ?? ask(issuer).finally(() => asking.delete(issuer))
    if (running === undefined) asking.set(issuer, answer)
    return soon(answer)
  }

  /** What takes longer is known to the next message. */
  function soon(answer: Promise<readonly IssuerKey[] | null>): Promise<readonly IssuerKey[] | null> {
    const late = Promise.withResolvers<null>()
    const alarm = clock.at(clock.now() + patienceMs, () => late.resolve(null))
    return Promise.race([answer, late.promise]).finally(() => alarm.cancel())
  }
}

/** Those of the document that can be used; null when it is none. */
function keysIn(body: Buffer): IssuerKey[] | null {
  try {
    const { keys } = SigningKeys.parse(JSON.parse(body.toString('utf8')))
    return keys.flatMap((one) => {
      const key = Key.safeParse(one)
      return key.success ? { kid: key.data.kid, jwk: { kty: key.data.kty, crv: key.data.crv, x: key.data.x, y: key.data.y } } : []
    })
  } catch {
    return null
  }
}
