import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Accounts that are deleted: their rows stay, empty. Webhooks of mailboxes that were deleted before go as well. */
export const accountLife = (engine: Engine): Migration => ({
  async up(db) {
    const { int } = columnTypes(engine)
    const left = `select id from webhooks where mailbox_id in (select id from mailboxes where deleted_at is not null)`
    const statements = [
      `alter table accounts add column test_exported_at ${int}`,
      `alter table accounts add column deleted_at ${int}`,
      `alter table accounts add column removed_at ${int}`,

      `update webhook_deliveries set state = 'failed', trouble = 'the mailbox was deleted', settled_at = created_at
        where state = 'pending' and webhook_id in (${left})`,
      `delete from alarms where class = 'webhook' and source in (${left})`,
      `delete from webhooks where id in (${left})`,
      `update mailboxes set webhook_url = null, oversight_webhook_url = null where deleted_at is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
