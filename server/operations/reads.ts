import type { Store, Tx } from '../store/db.ts'
import { gathered } from '../store/gathered.ts'
import { type KeptView, keepViews } from '../store/kept-views.ts'
import { type NewLogEntry, appendLogs, headAtOnce } from '../store/log.ts'
import type { OperationError } from './errors.ts'

type Outcome = { entry: NewLogEntry; kept: KeptView | null } | { refusal: OperationError }
type Read = (tx: Tx) => Promise<Outcome>
export type Reads = { add(read: Read): Promise<Outcome> }

/** So many share a transaction, and its memory: each of them is a page without texts, or one email. */
const mostTogether = 32

/** What is read at the same moment is read, and put on the record, in one transaction: most of what a read costs is its commit (decision 021). */
export const createReads = (store: Store): Reads =>
  gathered(
    store,
    () => mostTogether,
    async (tx, reads: readonly Read[]) => {
      // All have ended before the transaction does, whatever becomes of one of them.
      const [settled, head] = await Promise.all([Promise.allSettled(reads.map((read) => read(tx))), headAtOnce(tx).catch(() => null)])
      const outcomes = settled.map((one) => {
        if (one.status === 'rejected') throw one.reason
        return one.value
      })
      await keepViews(
        tx,
        outcomes.flatMap((one) => ('kept' in one ? (one.kept ?? []) : [])),
      )
      await appendLogs(
        tx,
        outcomes.flatMap((one) => ('entry' in one ? [one.entry] : [])),
        head,
      )
      return outcomes
    },
  )
