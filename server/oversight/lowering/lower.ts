/**
 * A mailbox that loses autonomy by itself (docs/ladder.md), on a finding that says its agent should be looked at.
 *
 * Promises: it is lowered in the transaction of what was found, and never raised (design promise 4); one finding lowers once, also when it is told again or
 * by several at the same moment; it is on the record, an event, and in the operator's mail. An email that is being handed in is judged by the mode before or
 * by the one after, since who files it locks the mailbox; what waits for a decision, or for its time, goes on waiting; what was released before goes its way.
 */
import type { SystemActor } from '../../model/actor.ts'
import { stepAutonomy } from '../../model/autonomy.ts'
import type { OversightMode } from '../../model/email.ts'
import type { MailboxId } from '../../model/ids.ts'
import type { LoweringCause } from '../../model/lowering.ts'
import type { Tx } from '../../store/db.ts'
import { appendEvent } from '../../store/events.ts'
import type { NewLogEntry } from '../../store/log.ts'
import { causesIn, mailboxById, mailboxToChange, setMode } from '../../store/mailboxes.ts'
import { noteModeFinding } from '../../store/mode-findings.ts'
import { operatorOf } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import type { Row } from '../../store/schema.ts'
import { loweringLetter } from './letter.ts'
import { modeAfter } from './steps.ts'

const oversight: SystemActor = { kind: 'system', part: 'oversight' }
/** A letter that did not leave by then is no news. */
const tellsForMs = 7 * 24 * 60 * 60_000

type Mailbox = Row<'mailboxes'>

/** `finding`: by which it is known again, an id or a number. `words`: what was found, as a sentence of our own. `now`: epoch ms. */
export type Lowering = { mailboxId: MailboxId; cause: LoweringCause; finding: string; words: string; now: number }

/** Whether a finding of this kind would change anything, as far as `mailbox` is what it is now. */
export const wouldLower = (mailbox: Pick<Mailbox, 'oversight_mode' | 'lowers_on_json' | 'world'>, cause: LoweringCause): boolean =>
  modeAfter(mailbox.oversight_mode, cause, causesIn(mailbox)) !== null

/** @returns what goes on the record at the end of the transaction; [] when nothing changed */
export async function lower(tx: Tx, { mailboxId, cause, finding, words, now }: Lowering): Promise<NewLogEntry[]> {
  // Looked at before it is locked: most have nothing to lose, and nobody waits for those.
  const seen = await mailboxById(tx, mailboxId)
  if (seen === undefined || !wouldLower(seen, cause)) return []
  const mailbox = await mailboxToChange(tx, mailboxId)
  const to = mailbox === undefined || mailbox.deleted_at !== null ? null : modeAfter(mailbox.oversight_mode, cause, causesIn(mailbox))
  if (mailbox === undefined || to === null) return []
  const from = mailbox.oversight_mode
  const next = stepAutonomy({ mode: from, asked: null }, { kind: 'set', to })
  if (next.kind === 'refused') return []
  const isNew = await noteModeFinding(tx, { mailbox_id: mailboxId, cause, finding, from_mode: from, to_mode: to, found_at: now })
  if (!isNew) return []
  if (!(await setMode(tx, mailboxId, from, next))) throw new Error(`mailbox ${mailboxId} left its mode while it was locked`)
  await tellOfLowering(tx, mailbox, { to, because: cause, words, now })
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const about = {
    at: now,
    actor: oversight,
    tenancy,
    action: 'mailbox.mode_lowered',
    resourceType: 'mailbox',
    resourceId: mailboxId,
  } as const
  return [{ ...about, metadata: { mailbox_id: mailboxId, from_mode: from, to_mode: to, because: cause, finding } }]
}

type Told = { to: OversightMode; because: LoweringCause | 'standing'; words: string; now: number }

/** Tells webhooks and the operator. Nothing of the test world is mailed. @param mailbox as it was before */
export async function tellOfLowering(tx: Tx, mailbox: Mailbox, { to, because, words, now }: Told): Promise<void> {
  const { id, account_id: accountId, world, oversight_mode: from } = mailbox
  const data = { mailbox_id: id, from_mode: from, to_mode: to, because, reason: words }
  await appendEvent(tx, { tenancy: { accountId, world }, mailboxId: id, type: 'mailbox.mode_lowered', data, now })
  const recipient = world === 'live' ? await operatorOf(tx, accountId) : null
  if (recipient === null) return
  const letter = loweringLetter({ address: mailbox.address, from, to, words, hasPolicy: mailbox.policy_json !== null })
  await insertOperatorMail(tx, { accountId, recipient, ...letter, now, giveUpAt: now + tellsForMs })
}
