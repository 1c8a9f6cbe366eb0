/** What crosses between the event loop and a database thread. Bytes travel as Uint8Array. */
export type Value = string | number | bigint | null | Uint8Array

export type Request = { id: number; sql: string; parameters: readonly Value[]; place: Place }

/** Where a statement may run. `group`: only inside the open outer transaction, so that a statement whose group was lost
 *  can never run on its own. `commit`: ends the outer transaction one way or the other. `alone`: anything else. */
export type Place = 'group' | 'commit' | 'alone'

export type Rows = { columns: readonly string[]; values: readonly (readonly Value[])[] }
/** `rows` null for a statement that returns none. `inTransaction`: whether the outer transaction is open after it. */
export type Reply = { id: number; inTransaction: boolean } & (
  | { ok: true; rows: Rows | null; changes: number }
  | { ok: false; message: string; code: string }
)
/** The thread's first word, after it was sent 'open'. */
export type Hello = { ready: true } | { ready: false; message: string; code: string }

export type ThreadOptions = { file: string; readOnly: boolean }
