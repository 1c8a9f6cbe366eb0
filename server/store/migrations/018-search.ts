import { sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { columnTypes } from './column-types.ts'

/** What an email says, word by word, so that it can be found. */
export const search = (engine: Engine): Migration => ({
  async up(db) {
    const { text, int, counter, tableEnd } = columnTypes(engine)
    const statements = [
      // What is to be indexed, in the order in which it came or changed. A number is never used again: it becomes the place in the index.
      `create table search_queue (
        seq ${counter},
        email_id ${text} not null
      ) ${tableEnd}`,
      // `at`: received_at when it was indexed
      `create table search_entries (
        seq ${int} primary key,
        email_id ${text} not null unique,
        at ${int} not null${engine === 'postgres' ? ',\n        words tsvector not null' : ''}
      ) ${tableEnd}`,
      `create index search_entries_by_time on search_entries (at, seq)`,
      ...words[engine],
      `insert into search_queue (email_id) select id from emails order by id`,
      ...triggers[engine],
    ]
    for (const statement of statements) await sql.raw(statement).execute(db)
  },
})

// The words are ours (mailbox/search-words.ts): `ascii` and a tsvector that is handed over as such take them as they are. The texts are not kept twice.
const words: Record<Engine, string[]> = {
  sqlite: [
    `create virtual table search_words using fts5 (subject, sender, recipients, body, files, scope,
      tokenize = 'ascii', content = '', contentless_delete = 1)`,
    `create trigger search_words_follow after delete on search_entries begin delete from search_words where rowid = old.seq; end`,
  ],
  postgres: [`create index search_entries_by_word on search_entries using gin (words)`],
}

const searched = [
  'subject',
  'from_address',
  'from_name',
  'to_json',
  'cc_json',
  'bcc_json',
  'markdown',
  'has_attachments',
  'thread_id',
  'received_at',
]
const differs = (operator: string): string => searched.map((name) => `new.${name} ${operator} old.${name}`).join(' or ')
const note = 'insert into search_queue (email_id) values (new.id)'

// Whoever writes an email need not know of the index: an arriving one costs this one short row more.
const triggers: Record<Engine, string[]> = {
  sqlite: [
    `create trigger emails_to_search after insert on emails begin ${note}; end`,
    `create trigger emails_to_search_again after update of ${searched.join(', ')} on emails when ${differs('is not')} begin ${note}; end`,
    `create trigger emails_searched_no_more after delete on emails begin delete from search_entries where email_id = old.id; end`,
  ],
  postgres: [
    `create function note_for_search() returns trigger language plpgsql as $$ begin ${note}; return null; end $$`,
    `create trigger emails_to_search after insert on emails for each row execute function note_for_search()`,
    `create trigger emails_to_search_again after update of ${searched.join(', ')} on emails for each row
      when (${differs('is distinct from')}) execute function note_for_search()`,
    `create function forget_for_search() returns trigger language plpgsql as
      $$ begin delete from search_entries where email_id = old.id; return null; end $$`,
    `create trigger emails_searched_no_more after delete on emails for each row execute function forget_for_search()`,
  ],
}
