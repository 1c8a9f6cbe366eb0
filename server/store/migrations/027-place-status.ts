import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** Places know the status of their email, so that what is unread is found without passing all that was read. */
export const placeStatus = (engine: Engine): Migration => ({
  async up(db) {
    const { text } = columnTypes(engine)
    const follow = `update email_places set status = new.status where email_id = new.id`
    const statements = [
      `alter table email_places add column status ${text} not null default ''`,
      `update email_places set status = (select emails.status from emails where emails.id = email_places.email_id)`,
      `create index email_places_of_mailbox_by_status on email_places (mailbox_id, status, place)`,
      `create index email_places_of_tenant_by_status on email_places (account_id, world, status, place)`,
      ...(engine === 'sqlite'
        ? [`create trigger email_places_follow after update of status on emails when new.status is not old.status begin ${follow}; end`]
        : [
            `create function follow_email_status() returns trigger language plpgsql as $$ begin ${follow}; return null; end $$`,
            `create trigger email_places_follow after update of status on emails for each row
              when (new.status is distinct from old.status) execute function follow_email_status()`,
          ]),
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})
