/**
 * Statements that are put together once. Kysely makes the text of a statement anew each time, which takes ten times as long as handing it over;
 * on the way of every arriving message that is worth avoiding. The text is Kysely's, of either engine, so it cannot differ.
 */
import { type Compilable, type CompiledQuery, type Kysely, type RootOperationNode, type Transaction } from 'kysely'
import { directOf } from './direct.ts'
import { isPostgres } from './engine.ts'
import { Blank, compileOnce } from './one-plan.ts'
import { storable } from './parameters.ts'
import type { Database, NewRow } from './schema.ts'

type Db = Kysely<Database>
type Change = { toOperationNode(): RootOperationNode }
type Buildable<R> = Change & Compilable<R>

/** @param build makes the statement of `value`, whose properties stand for what is given later: they can be compared and inserted, not looked at */
export function prepare<V extends object, R>(build: (db: Db, value: V) => Buildable<R>): (db: Db, value: V) => Promise<R[]> {
  const text = perEngine<R>((db) => build(db, blanks as V))
  return async (db, value) => {
    const query = filled(text(db), value)
    const direct = directOf(db)
    if (direct !== undefined) return (await direct.rows(query.sql, query.parameters)) as R[]
    return (await db.getExecutor().executeQuery(query)).rows
  }
}

/** Texts that one way of asking may take: by then somebody asks for every combination there is. */
const mostShapes = 200

/** For a statement whose text depends on what is asked for: one text for each shape, which is all of `value` but its strings and numbers.
 *  @param build makes the statement; it may look at what is there, at booleans, and at how long lists are */
export function prepareShapes<V extends object, R>(build: (db: Db, value: V) => Buildable<R>): (db: Db, value: V) => Promise<R[]> {
  const known = new Map<string, (db: Db, leaves: Leaves) => Promise<R[]>>()
  return (db, value) => {
    const leaves: Leaves = {}
    const shape = shapeOf(value, '', leaves)
    const key = JSON.stringify(shape)
    const statement = known.get(key) ?? prepare((any: Db) => build(any, shape as V))
    if (!known.has(key)) {
      const [oldest] = known.size < mostShapes ? [] : known.keys()
      if (oldest !== undefined) known.delete(oldest)
      known.set(key, statement)
    }
    return statement(db, leaves)
  }
}

type Leaves = Record<string, string | number>

/** The same with blanks for its strings and numbers, which go into `leaves` by their path. */
function shapeOf(value: unknown, path: string, leaves: Leaves): unknown {
  if (typeof value === 'string' || typeof value === 'number') {
    leaves[path] = value
    return new Blank(path)
  }
  if (Array.isArray(value)) return value.map((one, at) => shapeOf(one, `${path}.${at}`, leaves))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, shapeOf(one, `${path}.${name}`, leaves)]))
}

/** A statement that changes something. Inside a transaction on SQLite nobody waits for it: when it fails, so does the transaction, with its error. */
export function prepareChange<V extends object>(build: (db: Db, value: V) => Change): (db: Db, value: V) => Promise<void> {
  const text = perEngine((db) => build(db, blanks as V))
  return (db, value) => change(db, filled(text(db), value))
}

async function change(db: Db, query: CompiledQuery): Promise<void> {
  const post = directOf(db)?.post
  if (post) post(query.sql, query.parameters)
  else await db.getExecutor().executeQuery(query)
}

const blanks: object = new Proxy({}, { get: (_target, name) => new Blank(String(name)) })

type Table = keyof Database

/** Inserts a row; as with `prepareChange`, its failure may show only when the transaction ends. */
export const insertPrepared = <T extends Table>(db: Transaction<Database>, table: T, row: NewRow<T>): Promise<void> =>
  change(db, filled(insertText(table, Object.keys(row), db), row))

const inserts = new Map<string, (db: Db) => CompiledQuery>()

function insertText(table: Table, columns: readonly string[], db: Db): CompiledQuery {
  const key = `${table} ${columns.join()}`
  const known = inserts.get(key)
  if (known !== undefined) return known(db)
  const blanks = Object.fromEntries(columns.map((name) => [name, new Blank(name)]))
  const made = perEngine((any) => any.insertInto(table).values(blanks as never))
  inserts.set(key, made)
  return made(db)
}

const filled = <R>(query: CompiledQuery<R>, value: object): CompiledQuery<R> => ({
  ...query,
  parameters: query.parameters.map((one) => (one instanceof Blank ? storable(value[one.name as keyof typeof value]) : one)),
})

function perEngine<R>(build: (db: Db) => Change): (db: Db) => CompiledQuery<R> {
  const texts: { sqlite?: CompiledQuery<R>; postgres?: CompiledQuery<R> } = {}
  return (db) => (texts[isPostgres(db) ? 'postgres' : 'sqlite'] ??= compileOnce(db, build(db).toOperationNode()))
}
