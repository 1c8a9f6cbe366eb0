import { describe, expect, it } from 'vitest'
import type { Scope } from '../../server/model/actor.ts'
import { newId } from '../../server/model/ids.ts'
import type { World } from '../../server/model/world.ts'
import { mayDecide } from '../../server/oversight/authority.ts'

const reviewer = newId('key', 0)
const composer = newId('key', 0)

const rows: [World, Scope[], 'own mail' | "another's", boolean, string][] = [
  // no scope, no decision
  ['live', ['read'], "another's", false, 'SCOPE_MISSING'],
  ['live', ['read', 'send'], 'own mail', false, 'SCOPE_MISSING'],
  ['live', ['read', 'send', 'admin'], "another's", false, 'SCOPE_MISSING'],
  ['test', ['read', 'send'], "another's", true, 'SCOPE_MISSING'],
  // the reviewer
  ['live', ['oversight'], "another's", false, 'may'],
  ['live', ['read', 'oversight'], "another's", false, 'may'],
  ['test', ['oversight'], "another's", false, 'may'],
  // a key that can propose never decides on a live mail, however it came by its scopes
  ['live', ['send', 'oversight'], "another's", true, 'SELF_APPROVAL'],
  ['live', ['admin', 'oversight'], "another's", true, 'SELF_APPROVAL'],
  ['live', ['read', 'send', 'oversight', 'admin'], 'own mail', true, 'SELF_APPROVAL'],
  ['live', ['oversight'], 'own mail', true, 'SELF_APPROVAL'],
  // test mail goes nowhere: an admin key may play both parts, if the operator lets it
  ['test', ['read', 'send', 'oversight', 'admin'], 'own mail', true, 'may, self-approved'],
  ['test', ['admin'], "another's", true, 'may'],
  ['test', ['read', 'send', 'oversight', 'admin'], 'own mail', false, 'SELF_APPROVAL'],
  ['test', ['admin'], "another's", false, 'SELF_APPROVAL'],
  ['test', ['send', 'oversight'], 'own mail', true, 'SELF_APPROVAL'],
  ['test', ['send', 'oversight'], "another's", true, 'SELF_APPROVAL'],
]

describe('who may decide', () => {
  it.each(rows)('%s key with %j on %s, test self-approval %s: %s', (world, scopes, whose, allowed, answer) => {
    const result = mayDecide(
      { kind: 'key', world, scopes },
      { by: { key: reviewer, person: null }, writers: [{ key: whose === 'own mail' ? reviewer : composer, person: null }] },
      allowed,
    )
    expect(result.ok ? (result.value.selfApproved ? 'may, self-approved' : 'may') : result.code).toBe(answer)
  })

  it('nor does a key decide on what another key of its person wrote', () => {
    const [person, other] = [newId('person', 0), newId('person', 0)]
    const key = { kind: 'key', world: 'live', scopes: ['oversight'] } as const
    const parts = (ownerId: string | null, deciderId: string | null) => ({
      by: { key: reviewer, person: deciderId },
      writers: [{ key: composer, person: ownerId }],
    })
    expect(mayDecide(key, parts(person, person), true)).toMatchObject({ code: 'SELF_APPROVAL' })
    for (const [ownerId, deciderId] of [
      [person, other],
      [null, person],
      [person, null],
      [null, null],
    ] as const)
      expect(mayDecide(key, parts(ownerId, deciderId), true)).toMatchObject({ ok: true })
  })

  it.each([
    ['live', 'nobody', 'may'],
    ['live', 'somebody else', 'may'],
    ['live', 'the person', 'SELF_APPROVAL'],
    ['test', 'the person', 'SELF_APPROVAL'],
  ] as const)('a person in the %s world on mail of a key that belongs to %s: %s', (_world, whose, answer) => {
    const [person, other] = [newId('person', 0), newId('person', 0)]
    const ownerId = { nobody: null, 'somebody else': other, 'the person': person }[whose]
    const parts = { by: { key: null, person }, writers: [{ key: composer, person: ownerId }] }
    const result = mayDecide({ kind: 'person' }, parts, true)
    expect(result.ok ? 'may' : result.code).toBe(answer)
  })
})
