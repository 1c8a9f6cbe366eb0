import Sqlite from 'better-sqlite3'
import fc from 'fast-check'
import { type Dialect, DummyDriver, Kysely, PostgresAdapter, PostgresIntrospector, SqliteAdapter, SqliteIntrospector } from 'kysely'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Blank, compileOnce } from '../../server/store/one-plan.ts'
import { PostgresCompiler, SqliteCompiler } from '../../server/store/parameters.ts'
import type { Database } from '../../server/store/schema.ts'

/** A database that only puts statements into words, as `dialect` writes them. */
const words = (dialect: Pick<Dialect, 'createAdapter' | 'createIntrospector' | 'createQueryCompiler'>) =>
  new Kysely<Database>({ dialect: { ...dialect, createDriver: () => new DummyDriver() } })

const sqlite = words({
  createAdapter: () => new SqliteAdapter(),
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => new SqliteCompiler(),
})
const postgres = words({
  createAdapter: () => new PostgresAdapter(),
  createIntrospector: (db) => new PostgresIntrospector(db),
  createQueryCompiler: () => new PostgresCompiler(),
})
const blank = (name: string) => new Blank(name) as never

const text = (db: Kysely<Database>) => {
  const queued = db.selectFrom('deliveries').select('id').where('state', '=', 'queued').where('domain', '=', blank('domain'))
  return compileOnce(db, queued.where('last_reply', '<>', "it's").limit(blank('limit')).toOperationNode())
}

describe('the text of a statement that is put together once', () => {
  it('has what is given later behind a plus on SQLite, and the rest written out', () => {
    const { sql, parameters } = text(sqlite)
    expect(sql).toBe(`select "id" from "deliveries" where "state" = 'queued' and "domain" = +? and "last_reply" <> 'it''s' limit +?`)
    expect(parameters).toEqual([new Blank('domain'), new Blank('limit')])
  })

  it('is as always on PostgreSQL', () => {
    const { sql, parameters } = text(postgres)
    expect(sql).toBe(`select "id" from "deliveries" where "state" = $1 and "domain" = $2 and "last_reply" <> $3 limit $4`)
    expect(parameters).toEqual(['queued', new Blank('domain'), "it's", new Blank('limit')])
  })

  it('finds the index of the rows that it names', () => {
    const db = new Sqlite(':memory:')
    onTestFinished(() => void db.close())
    db.exec(`create table deliveries (id text primary key, state text, domain text, last_reply text) strict;
      create index queued on deliveries (domain) where state = 'queued'`)
    const plan = db.prepare<unknown[], { detail: string }>(`explain query plan ${text(sqlite).sql}`).all('b.example', 5)
    expect(plan.map(({ detail }) => detail)).toEqual(['SEARCH deliveries USING INDEX queued (domain=?)'])
  })
})

describe('a plus before a parameter of SQLite', () => {
  it('changes nothing of what it is compared with, and nothing of what is written', () => {
    const db = new Sqlite(':memory:')
    onTestFinished(() => void db.close())
    db.exec('create table t (i integer, r real, s text, b blob, n)')
    const value = fc.oneof(
      fc.integer(),
      fc.double({ noNaN: true }),
      fc.string(),
      fc.constantFrom('1', '01', '1.0', ' 1', '1e0', '', '-0'),
      fc.constant(null),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    )
    const insert = (mark: string) => db.prepare(`insert into t values (${Array.from({ length: 5 }, () => mark).join()}) returning *`)
    const [plainly, behindPlus] = [insert('?'), insert('+?')]
    const asked = ['=', '<>', '<', '>=', 'is', 'in'].flatMap((operator) =>
      ['i', 'r', 's', 'b', 'n'].map((column) => {
        const ask = (mark: string) =>
          db.prepare(`select rowid from t where ${column} ${operator} ${operator === 'in' ? `(${mark}, ${mark})` : mark}`)
        return { plain: ask('?'), plus: ask('+?'), values: operator === 'in' ? 2 : 1 }
      }),
    )
    fc.assert(
      fc.property(fc.array(value, { minLength: 5, maxLength: 5 }), fc.tuple(value, value), (row, two) => {
        db.exec('delete from t')
        expect(behindPlus.get(...row)).toEqual(plainly.get(...row))
        for (const { plain, plus, values } of asked) {
          for (const given of [two, row, row.slice(2)]) {
            const some = given.slice(0, values)
            expect(plus.all(...some)).toEqual(plain.all(...some))
          }
        }
      }),
    )
  })
})
