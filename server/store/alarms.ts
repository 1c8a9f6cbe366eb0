/** Trouble of ours that others told us about, for as long as it lasts. Times: epoch ms. */
import type { Kysely, Transaction } from 'kysely'
import { prepare } from './prepared.ts'
import type { Database, Row } from './schema.ts'

export type AlarmRow = Row<'alarms'>
export type NewAlarm = Pick<AlarmRow, 'class' | 'source' | 'provider' | 'reply' | 'link'>

// Strangers' host names make rows: beyond this the one that was quiet for longest goes.
const mostAlarms = 200

/** @returns true when it is new, false when it went on */
export async function raiseAlarm(tx: Transaction<Database>, alarm: NewAlarm, now: number): Promise<boolean> {
  const { reply, link, ...key } = alarm
  const row = await tx
    .insertInto('alarms')
    .values({ ...alarm, count: 1, first_at: now, last_at: now })
    .onConflict((conflict) =>
      conflict.columns(['provider', 'class', 'source']).doUpdateSet((set) => ({
        reply,
        link,
        count: set('alarms.count', '+', 1),
        last_at: now,
      })),
    )
    .returning('count')
    .executeTakeFirstOrThrow()
  if (row.count > 1) return false
  await dropQuietest(tx, key)
  return true
}

async function dropQuietest(tx: Transaction<Database>, newest: Pick<AlarmRow, 'class' | 'source' | 'provider'>): Promise<void> {
  const { count } = await tx
    .selectFrom('alarms')
    .select((select) => select.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  if (count <= mostAlarms) return
  const quietest = await tx
    .selectFrom('alarms')
    .selectAll()
    .where((row) => row.not(row.and(newest)))
    .orderBy('last_at')
    .limit(1)
    .executeTakeFirst()
  if (quietest === undefined) return
  await endAlarm(tx, quietest)
}

/** Ends just this one. */
export async function endAlarm(
  tx: Transaction<Database>,
  { provider, class: name, source }: Pick<AlarmRow, 'class' | 'source' | 'provider'>,
): Promise<void> {
  await tx.deleteFrom('alarms').where('provider', '=', provider).where('class', '=', name).where('source', '=', source).execute()
}

/** Those that deliveries, each by a source to a provider, show to be over. */
export async function clearAlarms(
  tx: Transaction<Database>,
  deliveries: readonly Pick<AlarmRow, 'source' | 'provider'>[],
): Promise<AlarmRow[]> {
  // A delivery is common and an alarm is not: looking is cheaper than writing.
  if ((await anyAlarm(tx, {})).length === 0) return []
  const ways = new Map(deliveries.map((way) => [`${way.source} ${way.provider}`, way]))
  const over: AlarmRow[] = []
  for (const { source, provider } of ways.values()) {
    const ended = tx.deleteFrom('alarms').where('provider', 'in', ['', provider]).where('source', 'in', ['', source])
    over.push(...(await ended.returningAll().execute()))
  }
  return over
}

const anyAlarm = prepare((db, _none: object) => db.selectFrom('alarms').select('last_at').limit(1))

/** The newest first. */
export const listAlarms = (db: Kysely<Database>): Promise<AlarmRow[]> =>
  db.selectFrom('alarms').selectAll().orderBy('last_at', 'desc').orderBy('provider').orderBy('class').orderBy('source').execute()
