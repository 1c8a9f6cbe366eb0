/** Words that the reader of the outbox (live.ts) shares with those it tells. */
import type { MailboxId } from '../model/ids.ts'
import type { Tenancy } from '../model/world.ts'
import type { EventRow } from '../store/events.ts'

/** Mailboxes, or (null) the whole tenancy with what belongs to no mailbox. */
export type Scope = { tenancy: Tenancy; mailboxIds: readonly MailboxId[] | null }
/** An event, and where whoever has it stands. */
export type LiveEvent = { event: EventRow; position: string }
export type Listener = { onEvent(event: LiveEvent): void; onClosed(): void }
/** From when this resolves each event of the scope is handed to the listener, once, until it is closed. Throws when the store cannot be read. */
export type Listen = (scope: Scope, listener: Listener) => Promise<{ close(): void }>
