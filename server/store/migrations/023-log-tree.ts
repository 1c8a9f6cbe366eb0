import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** The tree over the log, and what was signed of it. */
export const logTree = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, tableEnd } = columnTypes(engine)
    const statements = [
      // Whole subtrees. A subtree is named by the last entry in it, so new ones are put behind the old.
      `create table log_subtrees (
        last_seq ${int} not null check (last_seq >= 1),
        level ${int} not null check (level >= 1),
        hash ${text} not null,
        primary key (last_seq, level)
      ) ${tableEnd}`,
      `create table log_checkpoints (
        size ${int} primary key check (size >= 1),
        note ${text} not null,
        chain_hash ${text} not null,
        created_at ${int} not null,
        mailed_at ${int}
      ) ${tableEnd}`,
      `create index log_checkpoints_mailed on log_checkpoints (mailed_at) where mailed_at is not null`,
      ...fences[engine],
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})

// As with the entries: against a mistake of our own, not against somebody who holds the database.
const fixed = 'size, note, chain_hash, created_at'
const fences: Record<Engine, string[]> = {
  sqlite: [
    `create trigger log_checkpoints_kept before delete on log_checkpoints
      begin select raise(abort, 'log_checkpoints is append-only'); end`,
    `create trigger log_checkpoints_unchanged before update of ${fixed} on log_checkpoints
      begin select raise(abort, 'log_checkpoints is append-only'); end`,
  ],
  postgres: [
    `create function refuse_checkpoint_change() returns trigger language plpgsql as $$
      begin raise exception 'log_checkpoints is append-only'; end $$`,
    `create trigger log_checkpoints_kept before delete on log_checkpoints for each row execute function refuse_checkpoint_change()`,
    `create trigger log_checkpoints_not_emptied before truncate on log_checkpoints
      for each statement execute function refuse_checkpoint_change()`,
    `create trigger log_checkpoints_unchanged before update of ${fixed} on log_checkpoints
      for each row execute function refuse_checkpoint_change()`,
  ],
}
