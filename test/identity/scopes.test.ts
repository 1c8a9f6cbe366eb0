import { describe, expect, it } from 'vitest'
import { effectiveScopes, whyForbidden } from '../../server/identity/scopes.ts'
import { type Scope, scopes } from '../../server/model/actor.ts'
import { worlds } from '../../server/model/world.ts'

/** Every set of scopes. */
const sets: Scope[][] = Array.from({ length: 2 ** scopes.length }, (_, bits) => scopes.filter((_scope, index) => bits & (1 << index)))

describe('which scopes a key may hold', () => {
  it.each(sets.filter((set) => set.length > 0).map((set) => [set.join(' + '), set] as const))('live: %s', (_, set) => {
    const forbidden = set.includes('oversight') && (set.includes('send') || set.includes('admin'))
    expect(whyForbidden('live', set) !== null).toBe(forbidden)
  })

  it('no live key that may be issued can both propose and decide, by what its scopes imply either', () => {
    for (const set of sets.filter((each) => whyForbidden('live', each) === null)) {
      const able = effectiveScopes('live', set)
      expect(able.includes('send') && able.includes('oversight')).toBe(false)
    }
  })

  it('test: send and oversight together only by way of admin', () => {
    for (const set of sets.filter((each) => each.length > 0))
      expect(whyForbidden('test', set) !== null).toBe(set.includes('send') && set.includes('oversight'))
    expect(effectiveScopes('test', ['admin'])).toEqual(scopes)
  })

  it.each(worlds)('%s: a key without any scope is none', (world) => {
    expect(whyForbidden(world, [])).toBe('A key needs at least one scope.')
  })

  it.each<[Scope[], Scope[]]>([
    [['read'], ['read']],
    [['send'], ['send']],
    [
      ['oversight', 'read', 'read'],
      ['read', 'oversight'],
    ],
    [['admin'], ['read', 'send', 'admin']],
  ])('live: %j allows %j', (held, able) => {
    expect(effectiveScopes('live', held)).toEqual(able)
  })
})
