import type { Decider } from '../model/actor.ts'
import type { KeyId, PersonId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'

type Answer = Result<{ selfApproved: boolean }, 'SCOPE_MISSING' | 'SELF_APPROVAL'>
/** The key that handed an email in, and the person it is known to belong to; both null for mail from outside. `deciderId`: the person whom the key that
 *  decides is known to belong to. */
export type Composer = { keyId: KeyId | null; ownerId: PersonId | null; deciderId?: PersonId | null }

/** Whether this key or person may decide on what that key wrote (design promise 3). Asked at every decision, so that a row which should never have
 *  got into the table of keys still opens nothing. A person of either role decides, in either world, and never on what a key of theirs wrote. */
export function mayDecide(actor: Deciding, composer: Composer, allowTestSelfApproval: boolean): Answer {
  if (actor.kind === 'key') return keyMayDecide(actor, composer, allowTestSelfApproval)
  if (composer.ownerId !== null && composer.ownerId === actor.personId)
    return fail('SELF_APPROVAL', 'The email was written with a key of yours, so somebody else has to decide on it.')
  return ok({ selfApproved: false })
}

type DecidingKey = Pick<Extract<Decider, { kind: 'key' }>, 'kind' | 'world' | 'scopes' | 'keyId'>
type Deciding = DecidingKey | Pick<Extract<Decider, { kind: 'person' }>, 'kind' | 'personId'>

function keyMayDecide({ world, scopes, keyId }: DecidingKey, composer: Composer, allowTestSelfApproval: boolean): Answer {
  const isTestAdmin = world === 'test' && scopes.includes('admin')
  const own = composer.keyId === keyId
  if (!scopes.includes('oversight') && !isTestAdmin) return fail('SCOPE_MISSING', 'Deciding takes a key with the oversight scope.')
  // Mail of the test world goes nowhere, so there one key may play both parts, if the operator lets it (contract §14 A1).
  if (isTestAdmin && allowTestSelfApproval) return ok({ selfApproved: own })
  if (own) return fail('SELF_APPROVAL', 'The key that wrote an email may not decide on it.')
  if (composer.ownerId !== null && composer.ownerId === composer.deciderId)
    return fail('SELF_APPROVAL', 'The email was written with another key of the same person, so somebody else has to decide on it.')
  if (scopes.includes('send') || scopes.includes('admin')) return fail('SELF_APPROVAL', 'A key that can send may not decide on any email.')
  return ok({ selfApproved: false })
}
