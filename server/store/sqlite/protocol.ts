/** What crosses between the event loop and a database thread. Bytes travel as Uint8Array. */
export type Value = string | number | bigint | null | Uint8Array

/** Statements are known by number once their text was sent. `turn`: the transaction it belongs to, 0 for none. */
export type Request = { id: number; statement: number; text: string | null; parameters: readonly Value[]; place: Place; turn: number }

/** What was asked for within one turn of the event loop, in order. `forget`: numbers that will not be used again. */
export type Batch = { requests: readonly Request[]; forget: readonly number[] }

/** Where a statement may run.
 *  `group`: only inside the open outer transaction, so that a statement whose group was lost can never run on its own, and only when nothing of
 *  its turn has failed that nobody waited for. `posted`: the same, and nobody waits for it. `undo`: inside the outer transaction, whatever failed.
 *  `release`: ends the part of a turn, or takes it back when something posted has failed.
 *  `commit`: ends the outer transaction one way or the other. `alone`: anything else. */
export type Place = 'group' | 'posted' | 'undo' | 'release' | 'commit' | 'alone'

export type Rows = { columns: readonly string[]; values: readonly (readonly Value[])[] }
export type Failure = { message: string; code: string }
/** `rows` null for a statement that returns none. `inTransaction`: whether the outer transaction is open after it. */
export type Reply = { id: number; inTransaction: boolean } & ({ ok: true; rows: Rows | null; changes: number } | ({ ok: false } & Failure))
/** The thread's first word, after it was sent 'open'. */
export type Hello = { ready: true } | ({ ready: false } & Failure)

export type ThreadOptions = { file: string; readOnly: boolean }
