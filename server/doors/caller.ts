import type { IncomingHttpHeaders } from 'node:http'
import type { KeyActor } from '../model/actor.ts'
import { OperationError } from '../operations/errors.ts'

/** Longer than any key; what is longer is not looked up. */
const longestKey = 256

/** Who calls, by `Authorization: Bearer` (RFC 6750 §2.1) or `X-API-Key` (contract §1.1). Throws OperationError when nobody we know does.
 *  @param route.mayBeNobody a call without a key is welcome, and null; one with a key that is not accepted is not */
export async function identifyCaller(
  headers: IncomingHttpHeaders,
  identify: (key: string) => Promise<KeyActor | null>,
  route: { mayBeNobody: boolean },
): Promise<KeyActor | null> {
  const keys = presentedKeys(headers)
  const [key] = keys
  if (key === undefined) {
    if (route.mayBeNobody) return null
    throw new OperationError('UNAUTHENTICATED')
  }
  // Which of two different keys was meant is not ours to guess.
  const actor = keys.every((one) => one === key) && key.length <= longestKey ? await identify(key) : null
  if (actor === null) throw new OperationError('KEY_NOT_ACCEPTED')
  return actor
}

function presentedKeys(headers: IncomingHttpHeaders): string[] {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1]
  const other = headers['x-api-key']
  return [bearer, typeof other === 'string' ? other.trim() : undefined].filter((key): key is string => key !== undefined && key !== '')
}
