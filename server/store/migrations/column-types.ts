import type { Engine } from '../engine.ts'

/** The few words in which the two engines' table definitions differ. PostgreSQL text compares by code point as SQLite's does,
 *  so that ids, addresses and cursors sort alike on both. SQLite tables are STRICT: a value of the wrong type is refused, as on PostgreSQL. */
export const columnTypes = (engine: Engine) => types[engine]
export type ColumnTypes = (typeof types)[Engine]

const types = {
  sqlite: { text: 'text', int: 'integer', real: 'real', bytes: 'blob', counter: 'integer primary key autoincrement', tableEnd: 'strict' },
  postgres: {
    text: 'text collate "C"',
    int: 'bigint',
    real: 'double precision',
    bytes: 'bytea',
    counter: 'bigint generated always as identity primary key',
    tableEnd: '',
  },
} as const satisfies Record<Engine, Record<string, string>>
