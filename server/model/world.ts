import type { AccountId } from './ids.ts'

/** `test` mail lives in a world of its own: never on the network, never seen by a live key (design promise 8). */
export const worlds = ['live', 'test'] as const
export type World = (typeof worlds)[number]

/** What a caller may see at all. Every statement that reads a tenant's rows takes one (design promise 9). */
export type Tenancy = { accountId: AccountId; world: World }
