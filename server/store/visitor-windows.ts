import type { Kysely } from 'kysely'
import type { Database, Row } from './schema.ts'

export type VisitorCounts = Row<'visitor_windows'>

/** Adds what this node counted to what all nodes did, in one statement. No prefix and window twice; ordered by prefix, so that two nodes never
 *  wait for each other's rows. @returns the sums, of these rows only */
export const addVisitorCounts = async (db: Kysely<Database>, counts: readonly VisitorCounts[]): Promise<VisitorCounts[]> =>
  counts.length === 0
    ? []
    : db
        .insertInto('visitor_windows')
        .values([...counts])
        .onConflict((on) =>
          on.columns(['prefix', 'window_start']).doUpdateSet((set) => ({
            connections: set('visitor_windows.connections', '+', set.ref('excluded.connections')),
            messages: set('visitor_windows.messages', '+', set.ref('excluded.messages')),
            bytes: set('visitor_windows.bytes', '+', set.ref('excluded.bytes')),
          })),
        )
        .returningAll()
        .execute()

/** Forgets windows that began before `time` (epoch ms). */
export const removeVisitorCounts = async (db: Kysely<Database>, time: number): Promise<void> => {
  await db.deleteFrom('visitor_windows').where('window_start', '<', time).execute()
}
