/** What accounts handed in, month by month. */
import type { Transaction } from 'kysely'
import type { Tenancy } from '../model/world.ts'
import type { Database } from './schema.ts'

export type Month = { tenancy: Tenancy; /** its first moment, epoch ms */ start: number }

/** Adds `count` unless that is more than `most` in all. One statement, so two nodes never pass it together. @returns false when it is */
export async function countMonthly(tx: Transaction<Database>, { tenancy, start }: Month, count: number, most: number): Promise<boolean> {
  if (count > most) return false
  const counted = await tx
    .insertInto('monthly_messages')
    .values({ account_id: tenancy.accountId, world: tenancy.world, month_start: start, messages: count })
    .onConflict((on) =>
      on
        .columns(['account_id', 'world', 'month_start'])
        .doUpdateSet((set) => ({ messages: set('monthly_messages.messages', '+', count) }))
        .where('monthly_messages.messages', '<=', most - count),
    )
    .returning('messages')
    .execute()
  return counted.length > 0
}
