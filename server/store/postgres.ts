import type { Socket } from 'node:net'
import { PostgresDialect, type QueryCompiler } from 'kysely'
import pg from 'pg'
import type { Log } from '../platform/log.ts'
import { PostgresCompiler } from './parameters.ts'

const connections = 10
const connectMs = 10_000
const keepAliveMs = 10_000

/** `statementMs`: the database ends a statement, and a transaction with nothing to do, after this. `answerMs`: we give up a connection over which nothing has
 *  come or gone for so long. 0: never. */
export type Patience = { statementMs: number; answerMs: number }

/** Our statements are short: one that takes this long waits for something that does not come. A database that is there says so itself, before we give it up;
 *  and connections without work are closed by the pool before that. */
const usualPatience: Patience = { statementMs: 15_000, answerMs: 20_000 }
const idleMs = 10_000
/** For migrations, which take as long as the tables are large. */
export const endlessPatience: Patience = { statementMs: 0, answerMs: 0 }

/** PostgreSQL by its URL. A connection that is lost while idle is logged and replaced; one lost in a transaction, or on which no answer comes, fails what was
 *  under way over it. */
export function postgresDialect(databaseUrl: string, log: Log, { statementMs, answerMs }: Patience = usualPatience): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    connectionTimeoutMillis: connectMs,
    idleTimeoutMillis: idleMs,
    // One whose other end is gone without a word is noticed by the system, sooner than by who waits for an answer.
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: statementMs,
    application_name: 'multimail',
    types: {
      getTypeParser: (oid, format): unknown => (oid === pg.types.builtins.INT8 ? safeNumber : pg.types.getTypeParser(oid, format)),
    },
  })
  // Each connection, not only the pool: one that is lost between two statements of a transaction has nobody else to tell.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.warn({ err: error }, 'store.connection-lost'))
    endWhenSilent(client, answerMs)
  })
  pool.on('error', () => {})
  return new Dialect({ pool })
}

/** Not pg's `query_timeout`: that gives up the statement, and the connection goes back to the pool with its answer still to come. */
function endWhenSilent(client: pg.PoolClient, ms: number): void {
  const { stream } = (client as unknown as { connection: { stream: Socket } }).connection
  stream.setTimeout(ms, () => stream.destroy(new Error(`PostgreSQL has not answered for ${ms} ms`)))
}

class Dialect extends PostgresDialect {
  override createQueryCompiler(): QueryCompiler {
    return new PostgresCompiler()
  }
}

/** Times, sizes and counts are far below 2^53; a number that is not is a bug worth stopping for. */
function safeNumber(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value)) throw new RangeError('an integer of the database is too large')
  return value
}
