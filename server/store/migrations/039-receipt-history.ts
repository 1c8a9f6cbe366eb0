import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** The entries of which a receipt is made (028) and those that its history lacked: drafts, blocks, postponements, renewals, looks of reviewers, and approvals
 *  of one of several people or that were taken back. */
export const receiptHistory = (): Migration => ({
  async up(db) {
    await sql.raw(`drop index log_entries_of_mail`).execute(db)
    await sql
      .raw(
        `create index log_entries_of_mail on log_entries (resource_id, seq) where action in ('email.drafted', 'email.blocked', 'email.submitted', 'email.scheduled', 'email.rescheduled', 'email.postponed', 'email.held', 'hold.renewed', 'email.reviewed', 'email.approved_in_part', 'email.approved', 'email.approval_undone', 'email.released', 'delivery.delivered', 'delivery.bounced', 'delivery.expired', 'delivery.refused', 'delivery.cancelled')`,
      )
      .execute(db)
  },
})
