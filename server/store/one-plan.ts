/**
 * The text of a statement that is put together once, so that its plan is made once as well.
 *
 * SQLite plans a statement anew on each run when one of its parameters is a limit or is compared with a column: another value might have led to
 * another plan (`sqlite3ExprIsInteger`; the driver clears all parameters behind each run, which counts as a change). Making a plan takes longer than
 * most of our statements run. Behind a `+`, which changes nothing of the value, it looks for no parameter. What is the same each time is written
 * out, so that an index of just these rows is found.
 */
import { type CompiledQuery, type Kysely, type RootOperationNode, createQueryId } from 'kysely'
import { isPostgres } from './engine.ts'
import { SqliteCompiler } from './parameters.ts'
import type { Database } from './schema.ts'

/** Stands for a value while the text is made. */
export class Blank {
  name: string
  constructor(name: string) {
    this.name = name
  }
}

class OnePlanCompiler extends SqliteCompiler {
  protected override appendValue(value: unknown): void {
    if (value instanceof Blank) {
      this.addParameter(value)
      this.append(`+${this.getCurrentParameterPlaceholder()}`)
    } else this.appendImmediateValue(value)
  }
}

const onePlan = new OnePlanCompiler()

/** @param node has a Blank for each value that is given later */
export const compileOnce = <R>(db: Kysely<Database>, node: RootOperationNode): CompiledQuery<R> =>
  isPostgres(db) ? db.getExecutor().compileQuery<R>(node, createQueryId()) : onePlan.compileQuery(node, createQueryId())
