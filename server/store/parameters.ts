import { PostgresQueryCompiler, SqliteQueryCompiler } from 'kysely'

/** PostgreSQL text cannot hold U+0000, and SQLite's text functions stop at it. Mail from outside may carry one anywhere
 *  (a NUL in a subject), so it becomes U+FFFD on the way in, on both engines alike, instead of failing the message. */
export const storable = (parameter: unknown): unknown =>
  typeof parameter === 'string' && parameter.includes('\0') ? parameter.replaceAll('\0', '\uFFFD') : parameter

export class SqliteCompiler extends SqliteQueryCompiler {
  protected override addParameter(parameter: unknown): void {
    super.addParameter(storable(parameter))
  }
}

export class PostgresCompiler extends PostgresQueryCompiler {
  protected override addParameter(parameter: unknown): void {
    super.addParameter(storable(parameter))
  }
}
