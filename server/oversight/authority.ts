import type { KeyActor } from '../model/actor.ts'
import type { KeyId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'

/** Whether this key may decide on what that key wrote (design promise 3). Asked at every decision, so that a row which should never have
 *  got into the table of keys still opens nothing. @param composerId null for mail from outside */
export function mayDecide(
  actor: Pick<KeyActor, 'world' | 'scopes' | 'keyId'>,
  composerId: KeyId | null,
  allowTestSelfApproval: boolean,
): Result<{ selfApproved: boolean }, 'SCOPE_MISSING' | 'SELF_APPROVAL'> {
  const { world, scopes } = actor
  const isTestAdmin = world === 'test' && scopes.includes('admin')
  const own = composerId === actor.keyId
  if (!scopes.includes('oversight') && !isTestAdmin) return fail('SCOPE_MISSING', 'Deciding takes a key with the oversight scope.')
  // Mail of the test world goes nowhere, so there one key may play both parts, if the operator lets it (contract §14 A1).
  if (isTestAdmin && allowTestSelfApproval) return ok({ selfApproved: own })
  if (own) return fail('SELF_APPROVAL', 'The key that wrote an email may not decide on it.')
  if (scopes.includes('send') || scopes.includes('admin')) return fail('SELF_APPROVAL', 'A key that can send may not decide on any email.')
  return ok({ selfApproved: false })
}
