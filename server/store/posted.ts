import type { CompiledQuery } from 'kysely'

/** A statement whose failure fails its transaction, and whose result nobody wants: where it pays (SQLite), nobody waits for it either. */
type Posted = CompiledQuery & { posted: true }

export const asPosted = (query: CompiledQuery): Posted => ({ ...query, posted: true })
export const isPosted = (query: CompiledQuery): query is Posted => 'posted' in query
