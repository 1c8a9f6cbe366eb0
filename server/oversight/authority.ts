import type { Decider } from '../model/actor.ts'
import { type Who, wrote } from '../model/hold-life.ts'
import { type Result, fail, ok } from '../model/result.ts'

type Answer = Result<{ selfApproved: boolean }, 'SCOPE_MISSING' | 'SELF_APPROVAL'>
/** `by`: the decider, with the person whom their key is known to belong to. `writers`: the keys that drafted the email and handed it in; none for mail from
 *  outside. */
export type Parts = { by: Who; writers: readonly Who[] }

/** Whether this key or person may decide on what those wrote (design promise 3). Asked at every decision, so that a row which should never have
 *  got into the table of keys still opens nothing. A person of either role decides, in either world, and never on what a key of theirs wrote. */
export function mayDecide(actor: Deciding, parts: Parts, allowTestSelfApproval: boolean): Answer {
  if (actor.kind === 'key') return keyMayDecide(actor, parts, allowTestSelfApproval)
  if (wrote(parts.by, parts.writers))
    return fail('SELF_APPROVAL', 'The email was written with a key of yours, so somebody else has to decide on it.')
  return ok({ selfApproved: false })
}

type DecidingKey = Pick<Extract<Decider, { kind: 'key' }>, 'kind' | 'world' | 'scopes'>
type Deciding = DecidingKey | Pick<Extract<Decider, { kind: 'person' }>, 'kind'>

function keyMayDecide({ world, scopes }: DecidingKey, parts: Parts, allowTestSelfApproval: boolean): Answer {
  const isTestAdmin = world === 'test' && scopes.includes('admin')
  const own = wrote(parts.by, parts.writers)
  if (!scopes.includes('oversight') && !isTestAdmin) return fail('SCOPE_MISSING', 'Deciding takes a key with the oversight scope.')
  // Mail of the test world goes nowhere, so there one key may play both parts, if the operator lets it (contract §14 A1).
  if (isTestAdmin && allowTestSelfApproval) return ok({ selfApproved: own })
  if (own)
    return fail('SELF_APPROVAL', 'The email was written with this key or another of the same person, so somebody else has to decide on it.')
  if (scopes.includes('send') || scopes.includes('admin')) return fail('SELF_APPROVAL', 'A key that can send may not decide on any email.')
  return ok({ selfApproved: false })
}
