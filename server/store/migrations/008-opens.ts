import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What is noticed of mail that left: trouble that the operator has to put right. */
export const opens = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // A row is there for as long as the trouble lasts.
      `create table alarms (
        class ${text} not null,
        source ${text} not null,
        provider ${text} not null,
        reply ${text} not null,
        link ${text},
        count ${int} not null check (count > 0),
        first_at ${int} not null,
        last_at ${int} not null,
        primary key (provider, class, source)
      ) ${tableEnd}`,
      `create index alarms_by_time on alarms (last_at)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
