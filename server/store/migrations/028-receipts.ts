import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Entries of the log by the mail they are about: what a receipt is made of, and not what was read. */
export const receipts = (): Migration => ({
  async up(db) {
    await sql
      .raw(
        `create index log_entries_of_mail on log_entries (resource_id, seq) where action in ('email.submitted', 'email.scheduled', 'email.rescheduled', 'email.held', 'email.approved', 'email.released', 'delivery.delivered', 'delivery.bounced', 'delivery.expired', 'delivery.refused', 'delivery.cancelled')`,
      )
      .execute(db)
  },
})
