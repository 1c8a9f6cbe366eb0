/**
 * What an operator chooses for a mailbox. Each change is on the record.
 *
 * Promise: its mode goes down here at once, and never up: that takes a person's code (design promise 4; oversight/upgrades.ts).
 */
import type { Actor } from '../model/actor.ts'
import { type AutonomyMoved, stepAutonomy } from '../model/autonomy.ts'
import type { OversightMode } from '../model/email.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Tx } from '../store/db.ts'
import type { NewLogEntry } from '../store/log.ts'
import { type MailboxSettings, changeSettings, mailboxToChange, setMode } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'

/** What is left out stays as it is. */
export type SettingsChange = Partial<MailboxSettings> & { oversight_mode?: OversightMode }
export type Settled = { mailbox: Row<'mailboxes'>; entries: NewLogEntry[] }

/** @param seen a mailbox that is the caller's to choose for. @returns the mailbox as it is now; `entries` go on the record at the end of the transaction */
export async function settle(
  tx: Tx,
  seen: Row<'mailboxes'>,
  { oversight_mode: mode, ...wanted }: SettingsChange,
  { actor, now }: { actor: Actor; now: number },
): Promise<Result<Settled, 'MAILBOX_NOT_FOUND' | 'UPGRADE_NEEDS_CODE'>> {
  const before = await mailboxToChange(tx, seen.id)
  if (before === undefined) return fail('MAILBOX_NOT_FOUND')
  const allowed = refuses(before, { ...(mode !== undefined && { oversight_mode: mode }) })
  if (!allowed.ok) return allowed
  const change = changed(before, wanted)
  await changeSettings(tx, before.id, change)
  const about = {
    at: now,
    actor,
    tenancy: { accountId: before.account_id, world: before.world },
    resourceType: 'mailbox',
    resourceId: before.id,
  }
  const entries: NewLogEntry[] = []
  if (Object.keys(change).length > 0)
    entries.push({ ...about, action: 'mailbox.configured', metadata: codes(before, change), ...words(before, change) })
  const next = allowed.value
  if (next !== null && mode !== before.oversight_mode) {
    await setMode(tx, before.id, before.oversight_mode, next)
    const metadata = { mailbox_id: before.id, from_mode: before.oversight_mode, to_mode: next.autonomy.mode }
    entries.push({ ...about, action: 'mailbox.mode_lowered', metadata })
  }
  return ok({ mailbox: { ...before, ...change, ...(mode !== undefined && { oversight_mode: mode }) }, entries })
}

/** What is refused whoever agrees. @returns the mode that follows; null: none is asked for */
export function refuses(
  { id, deleted_at, oversight_mode }: Row<'mailboxes'>,
  { oversight_mode: mode }: Pick<SettingsChange, 'oversight_mode'>,
): Result<AutonomyMoved | null, 'MAILBOX_NOT_FOUND' | 'UPGRADE_NEEDS_CODE'> {
  if (deleted_at !== null) return fail('MAILBOX_NOT_FOUND')
  if (mode === undefined) return ok(null)
  const next = stepAutonomy({ mode: oversight_mode, asked: null }, { kind: 'set', to: mode })
  return next.kind === 'moved'
    ? ok(next)
    : fail('UPGRADE_NEEDS_CODE', `It is ${oversight_mode}, and ${mode} gives its agent more freedom. ${howToRaise(id)}`)
}

const howToRaise = (mailbox: string): string =>
  `POST /v1/mailboxes/${mailbox}/request-upgrade mails the operator a code, and POST /v1/mailboxes/${mailbox}/upgrade takes it.`

const changed = (before: Row<'mailboxes'>, wanted: Partial<MailboxSettings>): Partial<MailboxSettings> =>
  Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => value !== undefined && value !== before[name as keyof MailboxSettings]),
  )

const isCode = (name: string): boolean => ['default_gate_timing', 'scheduling_enabled', 'mcp_configured', 'undo_seconds'].includes(name)

/** What the body of the entry may hold for good: which fields changed, and the values of those that are one of a few. */
const codes = (before: Row<'mailboxes'>, change: Partial<MailboxSettings>) => {
  const few = Object.keys(change).filter(isCode) as (keyof MailboxSettings)[]
  return {
    changed: Object.keys(change).toSorted(),
    ...Object.fromEntries(few.map((name) => [name, change[name] ?? null])),
    previous: Object.fromEntries(few.map((name) => [name, before[name]])),
  }
}

/** Names, addresses and texts, which name people. */
function words(before: Row<'mailboxes'>, change: Partial<MailboxSettings>): Pick<NewLogEntry, 'details'> {
  const free = Object.keys(change).filter((name) => !isCode(name)) as (keyof MailboxSettings)[]
  if (free.length === 0) return {}
  return { details: Object.fromEntries(free.map((name) => [name, { from: before[name], to: change[name] ?? null }])) }
}
