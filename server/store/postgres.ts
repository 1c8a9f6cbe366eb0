import { PostgresDialect, type QueryCompiler } from 'kysely'
import pg from 'pg'
import type { Log } from '../platform/log.ts'
import { PostgresCompiler } from './parameters.ts'

const connections = 10
const connectMs = 10_000
// Our statements are short: one that takes this long waits for something that does not come.
const statementMs = 15_000
const idleInTransactionMs = 15_000
const keepAliveMs = 10_000

/** PostgreSQL by its URL. A connection that is lost while idle is logged and replaced; one lost in a transaction fails that transaction. */
export function postgresDialect(databaseUrl: string, log: Log): PostgresDialect {
  const pool = new pg.Pool({
    connectionString: databaseUrl,
    max: connections,
    connectionTimeoutMillis: connectMs,
    // One whose other end is gone without a word is noticed by the system, sooner than by who waits for an answer.
    keepAlive: true,
    keepAliveInitialDelayMillis: keepAliveMs,
    statement_timeout: statementMs,
    idle_in_transaction_session_timeout: idleInTransactionMs,
    application_name: 'multimail',
    types: {
      getTypeParser: (oid, format): unknown => (oid === pg.types.builtins.INT8 ? safeNumber : pg.types.getTypeParser(oid, format)),
    },
  })
  // Each connection, not only the pool: one that is lost between two statements of a transaction has nobody else to tell.
  pool.on('connect', (client) => client.on('error', (error) => log.warn({ err: error }, 'store.connection-lost')))
  pool.on('error', () => {})
  return new Dialect({ pool })
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
