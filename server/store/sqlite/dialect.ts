import {
  type CompiledQuery,
  type ConnectionProvider,
  type DatabaseConnection,
  type DatabaseIntrospector,
  type Dialect,
  type DialectAdapter,
  type Driver,
  type Kysely,
  type QueryCompiler,
  type QueryResult,
  DefaultQueryExecutor,
  RawNode,
  SelectQueryNode,
  SqliteAdapter,
  SqliteIntrospector,
  Transaction,
} from 'kysely'
import { refuseInside } from '../inside.ts'
import { SqliteCompiler } from '../parameters.ts'
import type { Answer, Link } from './link.ts'
import type { Rows, Value } from './protocol.ts'
import type { Turn, Writer } from './writer.ts'

/** SQLite behind threads, as Kysely sees it: reading goes to the reader's connection, everything else through the writer's turns. */
export function threadedDialect(writer: Writer, reader: Pick<Link, 'run'>): Dialect {
  return {
    createAdapter: (): DialectAdapter => new Adapter(),
    createDriver: (): Driver => new ThreadedDriver(writer, reader),
    createIntrospector: (db: Kysely<unknown>): DatabaseIntrospector => new SqliteIntrospector(db),
    createQueryCompiler: (): QueryCompiler => new SqliteCompiler(),
  }
}

class Adapter extends SqliteAdapter {
  /** Callers need not queue for one connection here: the writer's turns are the queue, and reading has its own. */
  override get supportsMultipleConnections(): boolean {
    return true
  }
  /** SQLite does undo table definitions; saying so lets the migrator run all of an upgrade in one transaction. */
  override get supportsTransactionalDdl(): boolean {
    return true
  }
}

/** SQLite within one transaction, as Kysely sees it. Kysely's own lets one statement wait for the other; here each is sent at once, and they run in
 *  that order. Only what differs from one transaction to the next is made anew: there are thousands a second. */
export const transactionOf = <DB>(turn: Turn): Transaction<DB> =>
  new Transaction<DB>({ ...ofEveryTurn, executor: new DefaultQueryExecutor(compiler, adapter, turnProvider(turn)) })

const turnProvider = (turn: Turn): ConnectionProvider => {
  const connection = new TurnConnection(turn)
  return { provideConnection: (consumer) => consumer(connection) }
}

const adapter = new Adapter()
const compiler = new SqliteCompiler()

/** Of a transaction, which has its connection and makes no other. */
class NoDriver implements Driver {
  async init(): Promise<void> {}
  acquireConnection(): Promise<DatabaseConnection> {
    return Promise.reject(new Error('a transaction has one connection'))
  }
  beginTransaction(): Promise<void> {
    return Promise.reject(new Error('a transaction was begun inside another: use its tx instead'))
  }
  async commitTransaction(): Promise<void> {}
  async rollbackTransaction(): Promise<void> {}
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

const turnDialect: Dialect = {
  createAdapter: (): DialectAdapter => adapter,
  createDriver: (): Driver => new NoDriver(),
  createIntrospector: (db: Kysely<unknown>): DatabaseIntrospector => new SqliteIntrospector(db),
  createQueryCompiler: (): QueryCompiler => compiler,
}
const ofEveryTurn = { dialect: turnDialect, config: { dialect: turnDialect }, driver: turnDialect.createDriver() }

class TurnConnection implements DatabaseConnection {
  #turn: Turn
  constructor(turn: Turn) {
    this.#turn = turn
  }
  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return resultOf(await this.#turn.run(query.sql, query.parameters))
  }
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    return noStream()
  }
}

class ThreadedDriver implements Driver {
  #writer: Writer
  #reader: Pick<Link, 'run'>
  constructor(writer: Writer, reader: Pick<Link, 'run'>) {
    this.#writer = writer
    this.#reader = reader
  }
  async init(): Promise<void> {}
  async acquireConnection(): Promise<Connection> {
    return new Connection(this.#writer, this.#reader)
  }
  async beginTransaction(connection: Connection): Promise<void> {
    await connection.begin()
  }
  async commitTransaction(connection: Connection): Promise<void> {
    await connection.end('commit')
  }
  async rollbackTransaction(connection: Connection): Promise<void> {
    await connection.end('rollback')
  }
  async releaseConnection(): Promise<void> {}
  async destroy(): Promise<void> {}
}

const reading = /^\s*select\b/i

/** A line of thought, not a file handle: there are as many as callers. */
class Connection implements DatabaseConnection {
  #writer: Writer
  #reader: Pick<Link, 'run'>
  #turn: Turn | null = null
  constructor(writer: Writer, reader: Pick<Link, 'run'>) {
    this.#writer = writer
    this.#reader = reader
  }
  async begin(): Promise<void> {
    this.#turn = await this.#writer.begin()
  }
  async end(how: 'commit' | 'rollback'): Promise<void> {
    const turn = this.#turn
    this.#turn = null
    await turn?.[how]()
  }
  async executeQuery<R>({ sql, parameters, query }: CompiledQuery): Promise<QueryResult<R>> {
    if (this.#turn !== null) return resultOf(await this.#turn.run(sql, parameters))
    if (SelectQueryNode.is(query) || (RawNode.is(query) && reading.test(sql)))
      return resultOf(await this.#reader.run(sql, parameters, 'alone'))
    return resultOf(await this.#runAlone(sql, parameters))
  }
  streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    return noStream()
  }
  async #runAlone(sql: string, parameters: readonly unknown[]): Promise<Answer> {
    refuseInside()
    const turn = await this.#writer.begin()
    try {
      const answer = await turn.run(sql, parameters)
      await turn.commit()
      return answer
    } catch (error) {
      await turn.rollback()
      throw error
    }
  }
}

function noStream(): never {
  throw new Error('rows are not streamed from SQLite: read them in pages')
}

/** What a finished statement gives, without Kysely. */
export const rowsOf = ({ rows }: Answer): unknown[] => (rows === null ? [] : objects(rows))

const resultOf = <R>({ rows, changes }: Answer): QueryResult<R> =>
  rows === null ? { rows: [], numAffectedRows: BigInt(changes) } : { rows: objects<R>(rows), numAffectedRows: BigInt(changes) }

/** Column names cross once, and the rows as lists: less to copy than as many objects. */
function objects<R>({ columns, values }: Rows): R[] {
  return values.map((row) => Object.fromEntries(columns.map((name, at) => [name, plain(row[at])])) as R)
}

const plain = (value: Value | undefined): Value | undefined =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value
