import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'
import { leaving } from './001-first/leaving.ts'
import { mail } from './001-first/mail.ts'
import { record } from './001-first/record.ts'
import { tenants } from './001-first/tenants.ts'

/** Every table of the first release. The lists of allowed words are written out here and not taken from the model: a later word is a later migration. */
export const first = (engine: Engine): Migration => ({
  async up(db) {
    const types = columnTypes(engine)
    for (const statement of [...tenants(types), ...mail(types), ...leaving(types), ...record(types, engine)])
      await sql.raw(statement).execute(db)
  },
})
