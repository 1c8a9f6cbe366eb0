import { type Scope, scopes } from '../model/actor.ts'
import type { World } from '../model/world.ts'

/**
 * No credential can both propose and decide (design promise 3). On a live key `admin` means reading, sending and management,
 * so it too is kept apart from `oversight`. A test key moves no mail, and there `admin` means everything (contract §14 A1);
 * what it approves of its own is on the record as self-approved.
 */
const implied: Record<World, readonly Scope[]> = {
  live: ['read', 'send', 'admin'],
  test: scopes,
}
const neverTogether: Record<World, readonly (readonly [Scope, Scope])[]> = {
  live: [
    ['send', 'oversight'],
    ['admin', 'oversight'],
  ],
  test: [['send', 'oversight']],
}

/** One sentence saying why a key may not have these scopes, or null when it may. */
export function whyForbidden(world: World, asked: readonly Scope[]): string | null {
  if (asked.length === 0) return 'A key needs at least one scope.'
  const pair = neverTogether[world].find((both) => both.every((scope) => asked.includes(scope)))
  if (pair === undefined) return null
  return `No ${world} key may hold ${pair[0]} and ${pair[1]} together: whoever proposes a mail may not decide on it. Issue two keys.`
}

/** What a key with these scopes may do, in a fixed order, each once. */
export const effectiveScopes = (world: World, held: readonly Scope[]): readonly Scope[] =>
  scopes.filter((scope) => held.includes(scope) || (held.includes('admin') && implied[world].includes(scope)))
