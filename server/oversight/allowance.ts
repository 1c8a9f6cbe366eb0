/**
 * Allowing one recipient for a time (docs/decisions/028-the-time-of-holds.md): a reviewer who looks at an email says that its mailbox may write to an address
 * that it names without asking, until a day.
 *
 * Promises: it is one address, never a domain or everybody; it ends by the clock, after 90 days at most, or when anybody who decides takes it back, at once.
 * A person says it who has signed in a moment ago, about an email on which they may decide; it is worth nothing for what a key of theirs writes. A key says it with
 * the operator's code only. It is what the allow-list is to a mode: rules, standings that make an agent ask, and what the checks find come first. To a rule
 * that says `listed` it is nothing, and what the rules of the day give to two people no one of them allows.
 */
import { type Decider, type SessionActor, actorId, reaches } from '../model/actor.ts'
import { type Address, addressKey } from '../model/address.ts'
import { type Who, voterOf } from '../model/hold-life.ts'
import { type AllowanceId, type EmailId, type MailboxId, newId } from '../model/ids.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import {
  type AllowanceRow,
  allowancesOfTenant,
  countAllowances,
  putAllowance,
  removeAllowance,
  removeAllowancesBefore,
} from '../store/allowances.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { type EmailRow, envelopeOf, findEmail } from '../store/emails.ts'
import { type HoldRow, latestHold } from '../store/holds.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { mailboxById, mailboxToChange } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { mayDecide } from './authority.ts'
import { emailFor, isStillIn } from './decide.ts'
import { whoIs, writersOf } from './writers.ts'

type Mailbox = Row<'mailboxes'>

const day = 24 * 60 * 60_000
export const longestAllowanceMs = 90 * day
/** Of one mailbox, good at the same time. */
const mostAllowances = 200
const mostShown = 200

/** `until`: epoch ms. */
export type AllowanceInput = { email: EmailId; recipient: Address; until: number }
export type AllowanceCode =
  | 'EMAIL_NOT_FOUND'
  | 'SCOPE_MISSING'
  | 'SELF_APPROVAL'
  | 'NOT_SIGNED_IN'
  | 'NOT_ALLOWABLE'
  | 'ALLOWLIST_FULL'
  | 'MAILBOX_NOT_FOUND'
type EndCode = 'ALLOWANCE_NOT_FOUND' | 'NOT_SIGNED_IN'
/** What would be allowed, as somebody may say it. */
export type Allowable = { email: EmailRow; mailbox: Mailbox; by: Who; address: string; until: number }

/** Why not, in words; null: it may. Pure. */
export function whyNotAllowable(
  { direction }: Pick<EmailRow, 'direction'>,
  { oversight_mode: mode }: Pick<Mailbox, 'oversight_mode'>,
  hold: Pick<HoldRow, 'state' | 'people' | 'expires_at'> | undefined,
  { isNamed, takesTwo, until, now }: { isNamed: boolean; takesTwo: boolean; until: number; now: number },
): string | null {
  const isGood = hold?.state === 'approved' || (hold?.state === 'open' && hold.expires_at > now)
  if (direction !== 'outbound' || hold === undefined || !isGood) return 'It is about an email that waits, or that a person approved.'
  if (hold.people > 1 || takesTwo) return 'This email takes more than one person, and so does who it may go to.'
  if (!isNamed) return 'The email does not go to that address.'
  if (mode !== 'gated_send' && mode !== 'gated_new') return `In a mailbox that is ${mode} it would change nothing.`
  if (until <= now || until > now + longestAllowanceMs) return 'Name a time to come, within 90 days.'
  return null
}

type Deps = {
  store: Store
  clock: Clock
  allowTestSelfApproval: boolean
  /** whether the rules of today would have two people decide on this email, if it went to this recipient alone */
  wouldTakeTwo(db: Db, mailbox: Mailbox, email: EmailRow, recipient: Address, now: number): Promise<boolean>
}

export type Allowances = {
  /** What speaks against it, asked before anybody is. Who may not is on the record. */
  check(actor: Decider, input: AllowanceInput): Promise<Result<Allowable, AllowanceCode>>
  /** In a transaction, for whoever has been asked. */
  allowIn(tx: Tx, actor: Decider, input: AllowanceInput): Promise<Result<AllowanceRow, AllowanceCode>>
  /** For a person; whoever calls has seen that they signed in a moment ago. */
  allow(actor: SessionActor, input: AllowanceInput): Promise<Result<AllowanceRow, AllowanceCode>>
  /** For whoever looks after its mailbox. */
  end(actor: Decider, mailbox: Mailbox, id: AllowanceId): Promise<Result<AllowanceRow, EndCode>>
  /** What is good now in the whole account, what ends next first. */
  list(actor: Decider): Promise<AllowanceRow[]>
}

export function createAllowances(deps: Deps): Allowances {
  const { store, clock } = deps
  const allowIn: Allowances['allowIn'] = (tx, actor, input) => allow(tx, deps, actor, input)
  /** Outside of the transaction, which would undo what goes on the record. */
  const mayAsk = (actor: Decider, { email }: AllowanceInput) => emailFor(deps, actor, email, 'allow')
  return {
    async check(actor, input) {
      const asked = await mayAsk(actor, input)
      return asked.ok ? check(store.db, deps, actor, input) : asked
    },
    allowIn,
    async allow(actor, input) {
      const asked = await mayAsk(actor, input)
      return asked.ok ? store.transaction((tx) => allowIn(tx, actor, input)) : asked
    },
    end: (actor, mailbox, id) => store.transaction((tx) => end(tx, clock.now(), { actor, mailbox, id })),
    list: (actor) => allowancesOfTenant(store.db, actor, clock.now(), mostShown),
  }
}

/** @param mailboxOf how the mailbox is read: locked, when something is put */
async function check(
  db: Db,
  { allowTestSelfApproval, clock, wouldTakeTwo }: Deps,
  actor: Decider,
  { email: id, recipient, until }: AllowanceInput,
  mailboxOf: (id: MailboxId) => Promise<Mailbox | undefined> = (mailbox) => mailboxById(db, mailbox),
): Promise<Result<Allowable, AllowanceCode>> {
  const email = await findEmail(db, actor, id)
  if (email === undefined || !reaches(actor, email.mailbox_id)) return fail('EMAIL_NOT_FOUND')
  const [by, writers] = await Promise.all([whoIs(db, actor), writersOf(db, email)])
  const authority = mayDecide(actor, { by, writers }, allowTestSelfApproval)
  if (!authority.ok) return authority
  const mailbox = await mailboxOf(email.mailbox_id)
  if (mailbox === undefined || mailbox.deleted_at !== null) return fail('MAILBOX_NOT_FOUND')
  const address = addressKey(recipient)
  const isNamed = email.direction === 'outbound' && envelopeOf(email).forwardPaths.some((path) => addressKey(path) === address)
  const now = clock.now()
  const takesTwo = isNamed && (await wouldTakeTwo(db, mailbox, email, recipient, now))
  const why = whyNotAllowable(email, mailbox, await latestHold(db, email.id), { isNamed, takesTwo, until, now })
  return why === null ? ok({ email, mailbox, by, address, until }) : fail('NOT_ALLOWABLE', why)
}

async function allow(tx: Tx, deps: Deps, actor: Decider, input: AllowanceInput): Promise<Result<AllowanceRow, AllowanceCode>> {
  const now = deps.clock.now()
  if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
  const checked = await check(tx, deps, actor, input, (id) => mailboxToChange(tx, id))
  if (!checked.ok) return checked
  const { email, mailbox, by, address, until } = checked.value
  await removeAllowancesBefore(tx, mailbox.id, now)
  // What the same one allowed before for the same address makes place for it.
  if ((await countAllowances(tx, mailbox.id, { address, allowedBy: actorId(actor) })) >= mostAllowances) return fail('ALLOWLIST_FULL')
  const row: AllowanceRow = {
    id: newId('allowance', now),
    account_id: mailbox.account_id,
    world: mailbox.world,
    mailbox_id: mailbox.id,
    address,
    allowed_by: actorId(actor),
    voter_id: voterOf(by),
    allowed_at: now,
    expires_at: until,
  }
  await putAllowance(tx, row)
  await appendLog(tx, { ...entryOf('allowance.given', actor, row, now), details: { address, email_id: email.id } })
  return ok(row)
}

type Ending = { actor: Decider; mailbox: Mailbox; id: AllowanceId }

async function end(tx: Tx, now: number, { actor, mailbox, id }: Ending): Promise<Result<AllowanceRow, EndCode>> {
  if (!(await isStillIn(tx, { actor, now }))) return fail('NOT_SIGNED_IN')
  // What is being filed by it is filed first; what is filed later is judged without it.
  await mailboxToChange(tx, mailbox.id)
  const row = await removeAllowance(tx, mailbox.id, id, now)
  if (row === undefined) return fail('ALLOWANCE_NOT_FOUND')
  await appendLog(tx, { ...entryOf('allowance.ended', actor, row, now), details: { address: row.address } })
  return ok(row)
}

const entryOf = (action: 'allowance.given' | 'allowance.ended', actor: Decider, row: AllowanceRow, now: number): NewLogEntry => ({
  at: now,
  actor,
  tenancy: { accountId: row.account_id, world: row.world },
  action,
  resourceType: 'mailbox',
  resourceId: row.mailbox_id,
  metadata: { mailbox_id: row.mailbox_id, allowance_id: row.id, allowed_by: row.allowed_by, expires_at: row.expires_at },
})
