import { type Dialect, Kysely } from 'kysely'
import { type Migration, Migrator } from 'kysely/migration'
import type { Log } from '../platform/log.ts'
import type { Engine } from './engine.ts'
import { migrations } from './migrations/list.ts'
import type { Database } from './schema.ts'

/** Brings the tables up to date; doing it twice is doing it once. Throws, with nothing changed, when a migration fails or when the tables were made by a newer program.
 *  @param apart a way to the same database that has the time a migration takes @param log is told when there is something to upgrade, which takes minutes at worst */
export async function migrate(db: Kysely<Database>, engine: Engine, { apart, log }: { apart: () => Dialect; log: Log }): Promise<void> {
  const known = Object.fromEntries(migrations.map(({ name, build }) => [name, build(engine)]))
  const applied = await appliedNames(db)
  refuseNewer(applied, known)
  const missing = Object.keys(known).filter((name) => !applied.includes(name))
  if (missing.length === 0) return
  const isUpgrade = applied.length > 0
  if (isUpgrade) log.info({ migrations: missing }, 'store.upgrading')
  const own = new Kysely<Database>({ dialect: apart() })
  try {
    await bringUpToDate(own, known)
    if (isUpgrade) log.info({}, 'store.upgraded')
  } finally {
    await own.destroy()
  }
}

async function bringUpToDate(db: Kysely<Database>, known: Record<string, Migration>): Promise<void> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(known) } })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw new Error('the tables of the database could not be brought up to date', { cause: error })
}

function refuseNewer(applied: readonly string[], known: Record<string, unknown>): void {
  const unknown = applied.filter((name) => !(name in known))
  if (unknown.length === 0) return
  throw new Error(
    `the database was made by a newer version of this program (it has ${unknown.join(', ')}): install that version or restore an older backup`,
  )
}

async function appliedNames(db: Kysely<Database>): Promise<string[]> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true })
  if (!tables.some((table) => table.name === 'kysely_migration')) return []
  const rows = await db
    .$extendTables<{ kysely_migration: { name: string } }>()
    .selectFrom('kysely_migration')
    .select('name')
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name)
}
