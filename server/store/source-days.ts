import type { Kysely } from 'kysely'
import type { Database } from './schema.ts'

/** One more message of an address of ours on a day (epoch ms / 86,400,000, whole), unless it has had `most` by then. Exact, however many nodes ask.
 *  @returns whether it was counted */
export async function takeOfDay(
  db: Kysely<Database>,
  { source, day, most }: { source: string; day: number; most: number },
): Promise<boolean> {
  const row = await db
    .insertInto('source_days')
    .values({ source, day, messages: 1 })
    .onConflict((on) =>
      on
        .columns(['source', 'day'])
        .doUpdateSet((set) => ({ messages: set('source_days.messages', '+', 1) }))
        .where('source_days.messages', '<', most),
    )
    .returning('messages')
    .executeTakeFirst()
  if (row?.messages === 1) await db.deleteFrom('source_days').where('day', '<', day).execute()
  return row !== undefined
}
