import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** As whom somebody who allowed a recipient counts: a key that is known to be somebody's is them. */
export const allowanceVoters = (engine: Engine): Migration => ({
  async up(db) {
    const { text } = columnTypes(engine)
    const statements = [
      `alter table allowances add column voter_id ${text} not null default ''`,
      `update allowances set voter_id = coalesce((select owner_id from api_keys where api_keys.id = allowances.allowed_by), allowed_by)`,
      `create index allowances_of_voter on allowances (account_id, voter_id)`,
      `create index allowances_of_giver on allowances (account_id, allowed_by)`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
