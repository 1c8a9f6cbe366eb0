/**
 * Pausing the agent of a mailbox at once: what it hands in is refused or held, and nothing of it leaves, approved mail included.
 *
 * Promises: it only ever lowers, so it takes no code. One transaction, on the record. What was taken away comes back by a person only: the stop by whoever may
 * resume sending, the mode by the operator's code (oversight/upgrades.ts). Nothing is lost: what waits goes on waiting.
 */
import { type Actor, type Decider, actorId } from '../../model/actor.ts'
import { stepAutonomy } from '../../model/autonomy.ts'
import type { OversightMode } from '../../model/email.ts'
import type { MailboxId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import { isStillIn } from '../../oversight/decide.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Db, Store, Tx } from '../../store/db.ts'
import { type NewLogEntry, appendLogs } from '../../store/log.ts'
import { mailboxToChange, setMode } from '../../store/mailboxes.ts'
import type { Row } from '../../store/schema.ts'
import { type StopScope, insertStop, isScopeStopped } from '../../store/stops.ts'
import { hasRoomToPause, stopEntry, stopReason } from './stops.ts'

type Mailbox = Row<'mailboxes'>

/** `changed` false: it was so already. `isStopped` false: thousands of mailboxes are stopped, so what was let go before still leaves. */
export type Paused = { mailbox: MailboxId; from: OversightMode; to: OversightMode; isStopped: boolean; changed: boolean }
export type PauseCode = 'MAILBOX_NOT_FOUND' | 'NOT_SIGNED_IN'

/** The mode of a paused mailbox. In gated_all a person decides on what the agent may read as well: read_only would let that in. Pure. */
export const pausedMode = (mode: OversightMode): OversightMode => (mode === 'gated_all' ? 'gated_all' : 'read_only')

type Request = { actor: Decider; mailbox: MailboxId; reason?: string | undefined }

/** Whoever calls has checked that the mailbox is theirs to look after. */
export const pause = ({ store, clock }: { store: Store; clock: Clock }, request: Request): Promise<Result<Paused, PauseCode>> =>
  store.transaction(async (tx) => {
    const { actor } = request
    const now = clock.now()
    if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
    const mailbox = await mailboxToChange(tx, request.mailbox)
    if (mailbox === undefined || mailbox.deleted_at !== null) return fail('MAILBOX_NOT_FOUND')
    const entries = [...(await lower(tx, mailbox, actor, now)), ...(await stop(tx, mailbox, request, now))]
    await appendLogs(tx, entries)
    const [from, to] = [mailbox.oversight_mode, pausedMode(mailbox.oversight_mode)]
    return ok({ mailbox: mailbox.id, from, to, isStopped: await isScopeStopped(tx, scopeOf(mailbox)), changed: entries.length > 0 })
  })

async function lower(tx: Tx, { id, account_id, world, oversight_mode: from }: Mailbox, actor: Actor, now: number): Promise<NewLogEntry[]> {
  const to = pausedMode(from)
  const next = stepAutonomy({ mode: from, asked: null }, { kind: 'set', to })
  if (to === from || next.kind === 'refused') return []
  await setMode(tx, id, from, next)
  const about = { at: now, actor, tenancy: { accountId: account_id, world }, resourceType: 'mailbox', resourceId: id }
  return [{ ...about, action: 'mailbox.mode_lowered', metadata: { mailbox_id: id, from_mode: from, to_mode: to } }]
}

const scopeOf = ({ id, account_id, world }: Mailbox): StopScope => ({ account_id, world, mailbox_id: id, domain: null })

async function stop(tx: Tx, mailbox: Mailbox, { actor, reason }: Request, now: number): Promise<NewLogEntry[]> {
  if (!(await hasRoomToPause(tx))) return []
  const [scope, words] = [scopeOf(mailbox), stopReason(reason)]
  const isNew = await insertStop(tx, { ...scope, actor_id: actorId(actor), reason: words, created_at: now })
  return isNew ? [stopEntry('sending.stopped', scope, actor, words, now)] : []
}

const pausedWords = 'Somebody has stopped this mailbox: its agent may read, and neither draft nor send, until a person lets it again.'

/** Why a read_only mailbox refuses: that somebody paused it, or the rule of its mode. Asked only when something is refused. */
export const whyReadOnly = async (db: Db, mailbox: Mailbox, rule: string): Promise<string> =>
  (await isScopeStopped(db, scopeOf(mailbox))) ? pausedWords : rule
