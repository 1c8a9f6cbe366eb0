/**
 * The only way by which a mailbox gets more autonomy while the server runs (design promise 4, contract §4.4): its agent asks, a person gets a code by mail,
 * and the agent gives back the code that the person handed over. (The other hand is on the host: standing/lift.ts.)
 *
 * Promises: a code is good once, for one mailbox, from the mode it was in to the one that was asked for, for a day; five wrong ones end it; only a salted
 * hash of it stays. A standing that makes an agent ask goes on doing so (gate.ts). No test key ever brings about a mail.
 */
import { type KeyActor, actorId } from '../model/actor.ts'
import { type Autonomy, stepAutonomy } from '../model/autonomy.ts'
import type { OversightMode } from '../model/email.ts'
import { hasCome } from '../model/has-come.ts'
import { newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import { findAccount } from '../store/accounts.ts'
import type { Store, Tx } from '../store/db.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxToChange, setMode } from '../store/mailboxes.ts'
import {
  type UpgradeRow,
  countWrongTry,
  endUpgrade,
  insertUpgrade,
  openUpgrade,
  replaceOpenUpgrade,
  upgradesAskedSince,
} from '../store/mode-upgrades.ts'
import { insertOperatorMail } from '../store/operator-mails.ts'
import type { Row } from '../store/schema.ts'
import { isReadHere } from '../store/operator-address.ts'
import { fits, hashCode, makeCode } from './approval-code.ts'
import { modeMeanings } from './mode-meanings.ts'

const hour = 60 * 60_000
const codeLifeMs = 24 * hour
const mostAskedInAnHour = 3

type Mailbox = Row<'mailboxes'>

/** `told`: where the code was mailed; null: nowhere, there is no address. `sandboxCode`: of a test key, for which nothing is mailed. */
export type AskedUpgrade = { upgrade: UpgradeRow; told: string | null; sandboxCode: string | null }
export type AppliedUpgrade = { from: OversightMode; to: OversightMode }
export type RequestCode = 'MAILBOX_NOT_FOUND' | 'NOT_AN_UPGRADE' | 'NO_OVERSIGHT_EMAIL' | 'TOO_MANY_UPGRADES'
export type ApplyCode = 'MAILBOX_NOT_FOUND' | 'UPGRADE_NOT_FOUND' | 'UPGRADE_CODE_WRONG'

/** Whoever calls has checked that the mailbox is theirs to send from. */
export type Upgrades = {
  request(actor: KeyActor, mailbox: Mailbox, target: OversightMode): Promise<Result<AskedUpgrade, RequestCode>>
  apply(actor: KeyActor, mailbox: Mailbox, code: string): Promise<Result<AppliedUpgrade, ApplyCode>>
}

/** @param deps.onMail called once a letter to the operator is in the store */
type Deps = { store: Store; clock: Clock; onMail?: () => void }

export const createUpgrades = ({ store, clock, onMail }: Deps): Upgrades => ({
  async request(actor, { id }, target) {
    const asked = await store.transaction((tx) => request(tx, actor, id, target, clock.now()))
    if (asked.ok && asked.value.told !== null) onMail?.()
    return asked
  },
  apply: (actor, { id }, code) => store.transaction((tx) => apply(tx, actor, id, code, clock.now())),
})

async function request(
  tx: Tx,
  actor: KeyActor,
  id: Mailbox['id'],
  target: OversightMode,
  now: number,
): Promise<Result<AskedUpgrade, RequestCode>> {
  const mailbox = await mailboxToChange(tx, id)
  if (mailbox === undefined || mailbox.deleted_at !== null) return fail('MAILBOX_NOT_FOUND')
  const from = mailbox.oversight_mode
  const next = stepAutonomy({ mode: from, asked: null }, { kind: 'ask', to: target })
  if (next.kind === 'refused') return fail('NOT_AN_UPGRADE', `It is ${from}, and ${target} is no more than that.`)
  const [first, ...others] = (await upgradesAskedSince(tx, id, now - hour)).filter(hasCome(now))
  if (first !== undefined && others.length + 1 >= mostAskedInAnHour)
    return { ...fail('TOO_MANY_UPGRADES'), retryAfterMs: first + hour - now }
  const account = await findAccount(tx, mailbox.account_id)
  const address = mailbox.world === 'test' ? null : await whereToAsk(tx, account?.oversight_email ?? null)
  if (mailbox.world !== 'test' && address === null) return fail('NO_OVERSIGHT_EMAIL')
  const code = makeCode()
  const hashed = hashCode(code)
  await replaceOpenUpgrade(tx, id, now)
  const upgrade: UpgradeRow = {
    id: newId('upgrade', now),
    account_id: mailbox.account_id,
    world: mailbox.world,
    mailbox_id: id,
    from_mode: from,
    to_mode: target,
    code_salt: hashed.salt,
    code_hash: hashed.hash,
    wrong_tries: 0,
    state: 'open',
    requested_by: actorId(actor),
    created_at: now,
    expires_at: now + codeLifeMs,
    ended_at: null,
  }
  await insertUpgrade(tx, upgrade)
  if (address !== null) {
    const letter = letterOf(mailbox, upgrade, code, actor)
    await insertOperatorMail(tx, { accountId: mailbox.account_id, recipient: address, ...letter, now, giveUpAt: upgrade.expires_at })
  }
  await appendLog(tx, entryOf('mailbox.upgrade_requested', actor, upgrade, now))
  return ok({ upgrade, told: address, sandboxCode: mailbox.world === 'test' ? code : null })
}

/** Never where an agent could read it. */
const whereToAsk = async (tx: Tx, address: string | null): Promise<string | null> =>
  address === null || (await isReadHere(tx, address)) ? null : address

async function apply(tx: Tx, actor: KeyActor, id: Mailbox['id'], code: string, now: number): Promise<Result<AppliedUpgrade, ApplyCode>> {
  // Whoever else tries a code for it, or lowers it, waits from here on.
  const mailbox = await mailboxToChange(tx, id)
  if (mailbox === undefined || mailbox.deleted_at !== null) return fail('MAILBOX_NOT_FOUND')
  const upgrade = await openUpgrade(tx, id, now)
  if (upgrade === undefined) return fail('UPGRADE_NOT_FOUND')
  const presented = fits({ salt: upgrade.code_salt, hash: upgrade.code_hash }, code)
  const next = stepAutonomy(autonomyOf(mailbox, upgrade, now), { kind: 'present', fits: presented })
  if (next.kind === 'refused') return fail('UPGRADE_NOT_FOUND')
  if (!presented) return wrongCode(tx, actor, upgrade, next.autonomy.asked, now)
  const from = mailbox.oversight_mode
  const to = next.autonomy.mode
  if (!(await endUpgrade(tx, upgrade.id, { state: 'applied', ended_at: now }))) return fail('UPGRADE_NOT_FOUND')
  if (!(await setMode(tx, id, from, next))) throw new Error(`mailbox ${id} left its mode while it was locked`)
  await appendLog(tx, entryOf('mailbox.upgraded', actor, upgrade, now))
  return ok({ from, to })
}

const autonomyOf = ({ oversight_mode: mode }: Mailbox, upgrade: UpgradeRow, now: number): Autonomy => ({
  mode,
  asked: { from: upgrade.from_mode, to: upgrade.to_mode, tries: upgrade.wrong_tries, isOver: upgrade.expires_at <= now },
})

/** @param asked what is left of it; null: it was the last try */
async function wrongCode(
  tx: Tx,
  actor: KeyActor,
  upgrade: UpgradeRow,
  asked: Autonomy['asked'],
  now: number,
): Promise<Result<never, 'UPGRADE_CODE_WRONG'>> {
  const isOver = asked === null
  const tries = asked?.tries ?? upgrade.wrong_tries + 1
  if (isOver) await endUpgrade(tx, upgrade.id, { state: 'burnt', wrong_tries: tries, ended_at: now })
  else await countWrongTry(tx, upgrade.id, tries)
  await appendLog(tx, entryOf('mailbox.upgrade_refused', actor, upgrade, now, { tries }))
  return fail('UPGRADE_CODE_WRONG', isOver ? 'It was the last try; the code is worth nothing now.' : undefined)
}

const entryOf = (
  action: 'mailbox.upgrade_requested' | 'mailbox.upgrade_refused' | 'mailbox.upgraded',
  actor: KeyActor,
  { id, account_id, world, mailbox_id, from_mode, to_mode }: UpgradeRow,
  now: number,
  more: { tries?: number } = {},
): NewLogEntry => ({
  at: now,
  actor,
  tenancy: { accountId: account_id, world },
  action,
  resourceType: 'mailbox',
  resourceId: mailbox_id,
  metadata: { upgrade_id: id, mailbox_id, from_mode, to_mode, ...more },
})

/** Words of ours only: an agent that asks does not write to its operator in our name. */
const letterOf = ({ address }: Mailbox, { from_mode, to_mode, expires_at }: UpgradeRow, code: string, actor: KeyActor) => ({
  subject: `An agent asks for more freedom: ${address}`,
  body: [
    `The agent of the mailbox ${address} asks for more freedom.`,
    '',
    `Now: ${from_mode}. ${modeMeanings[from_mode]}`,
    `Asked for: ${to_mode}. ${modeMeanings[to_mode]}`,
    `Asked by: the API key ${actor.keyId}.`,
    '',
    `If you want that, give the agent this code: ${code}`,
    `It works once, until ${new Date(expires_at).toISOString()}. If you do not want it, do nothing: nothing will change.`,
    '',
  ].join('\n'),
})
