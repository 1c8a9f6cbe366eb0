import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Accounts that are deleted: their rows stay, empty. What refers to an email, a delivery or a decision is found without reading a whole table, as each
 *  of the many that go with an account asks for it. Webhooks of mailboxes that were deleted before go as well. */
export const accountLife = (engine: Engine): Migration => ({
  async up(db) {
    const { int } = columnTypes(engine)
    const left = `select id from webhooks where mailbox_id in (select id from mailboxes where deleted_at is not null)`
    const statements = [
      `alter table accounts add column test_exported_at ${int}`,
      `alter table accounts add column deleted_at ${int}`,
      `alter table accounts add column removed_at ${int}`,

      `create index deliveries_of_release on deliveries (release_id)`,
      `create index releases_by_decision on releases (decision_id) where decision_id is not null`,
      `create index suppressions_by_email on suppressions (email_id) where email_id is not null`,
      `create index suppressions_by_delivery on suppressions (delivery_id) where delivery_id is not null`,
      `create index received_reports_by_email on received_reports (email_id) where email_id is not null`,

      `update webhook_deliveries set state = 'failed', trouble = 'the mailbox was deleted', settled_at = created_at
        where state = 'pending' and webhook_id in (${left})`,
      `delete from alarms where class = 'webhook' and source in (${left})`,
      `delete from webhooks where id in (${left})`,
      `update mailboxes set webhook_url = null, oversight_webhook_url = null where deleted_at is not null`,
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
