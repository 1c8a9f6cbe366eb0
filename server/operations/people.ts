/**
 * What people do in a browser who have signed in: look at what waits, and decide. These are no operations that a key could call, and no agent is told of them;
 * what they show and how they decide is what list_pending and decide_email do.
 */
import { z } from 'zod'
import type { People } from '../identity/people/people.ts'
import type { ApprovalMail } from '../oversight/approval-mail/approval-mail.ts'
import { isKeepable, isTimeZone, minutesIn } from '../model/quiet-hours.ts'
import type { DecisionInput } from '../oversight/decision.ts'
import { decisionActions } from '../model/decision.ts'
import type { PersonActor, SessionActor } from '../model/actor.ts'
import { type EmailId, isId } from '../model/ids.ts'
import { worlds } from '../model/world.ts'
import { findEmail } from '../store/emails.ts'
import { type NewLogEntry, appendLog } from '../store/log.ts'
import { noteOpenings } from '../store/review-times.ts'
import { listMailboxes } from '../store/mailboxes.ts'
import { AllowInput, EndAllowanceInput, allowanceView, askedOf, ended } from './allowances.ts'
import { editedView, heldChanges } from './edit-held.ts'
import { OperationError, unwrap } from './errors.ts'
import { EmailCursor, EmailRef, PlainText, SeenCursor, cursorAt } from './input.ts'
import { type PendingEmail, RejectionWord, complainOfReason, decisionView, pendingView, undoneView } from './oversight.ts'
import { paused } from './pause.ts'
import { passkeyView, quietView } from './person-view.ts'
import type { Rooms } from './procedure.ts'
import { receiptFor } from './record-proofs.ts'
import { renewalView } from './renewal.ts'
import { reviewed } from './review.ts'
import { seenBefore } from './seen.ts'
import { viewHash } from './record.ts'
import { addressesIn, isoOrNull, isoTime } from './views.ts'

export type PeopleRoom = People
export type ApprovalMailRoom = ApprovalMail
type SignedIn = NonNullable<Awaited<ReturnType<People['who']>>>

const pageSize = 20
const quietWords = 'takes a time zone such as Europe/Berlin, and times such as 22:00 and 07:00, at most 16 hours apart'
const longestReason = 2000
const longestName = 60

const OneLine = (longest: number) =>
  PlainText(longest)
    .transform((text) => text.trim())
    .refine((text) => !/\p{C}/u.test(text), 'must be one line without control characters')
const Base64Url = (longest: number) =>
  z
    .string()
    .min(1)
    .max(longest)
    .regex(/^[\w-]+$/, 'must be base64url')

export const AddressInput = z.strictObject({ address: z.string().min(3).max(254) })
export const EnterInput = z.strictObject({ code: z.string().min(1).max(64), totp: z.string().max(16).exactOptional() })
const credential = { id: Base64Url(1400), rawId: Base64Url(1400), type: z.literal('public-key') }
/** As `PublicKeyCredential.toJSON` writes them (WebAuthn Level 3 §5.1.1); what else it says is left aside. */
const Assertion = z.object({
  ...credential,
  response: z.object({
    clientDataJSON: Base64Url(4096),
    authenticatorData: Base64Url(4096),
    signature: Base64Url(4096),
    userHandle: z
      .string()
      .max(128)
      .nullish()
      .transform((handle) => handle ?? undefined),
  }),
})
const Registration = z.object({
  ...credential,
  response: z.object({ clientDataJSON: Base64Url(4096), attestationObject: Base64Url(16_384) }),
})
export const AssertionInput = z.strictObject({ response: Assertion })
export const RegistrationInput = z.strictObject({ name: OneLine(longestName).pipe(z.string().min(1)), response: Registration })
export const PasskeyInput = z.strictObject({ id: z.string().max(64) })
export const TotpInput = z.strictObject({ code: z.string().max(16) })
export const EndInput = z.strictObject({ everywhere: z.boolean().default(false) })
export const NothingInput = z.strictObject({})
const WorldInput = z.enum(worlds).default('live')
export const PendingInput = z.strictObject({ world: WorldInput, cursor: EmailCursor.exactOptional() })
export const WorldOnly = z.strictObject({ world: WorldInput })
export const DecideInput = z
  .strictObject({
    world: WorldInput,
    email_id: EmailRef,
    action: z.enum(decisionActions),
    reason: PlainText(longestReason).exactOptional(),
    reason_code: RejectionWord.exactOptional(),
    content_hash: z.string().min(1).max(128),
  })
  .superRefine(complainOfReason)
  .refine(({ action, reason = '', reason_code = 'other' }) => action === 'approve' || reason.trim() !== '' || reason_code !== 'other', {
    path: ['reason'],
    message: 'the agent is told why: choose a word, or say it in a few',
  })

export const RenewInput = z.strictObject({ world: WorldInput, email_id: EmailRef })
export const AllowAsInput = AllowInput.extend({ world: WorldInput })
export const EndAllowanceAsInput = EndAllowanceInput.extend({ world: WorldInput })
/** Both or none: null takes them away. */
export const QuietInput = z.strictObject({
  quiet: z
    .strictObject({ time_zone: z.string().max(64), from: z.string().max(5), to: z.string().max(5) })
    .transform(({ time_zone: zone, from, to }, ctx) => {
      const [begin, end] = [minutesIn(from), minutesIn(to)]
      if (isTimeZone(zone) && begin !== null && end !== null && isKeepable({ from: begin, to: end })) return { zone, from: begin, to: end }
      ctx.addIssue({ code: 'custom', message: quietWords })
      return z.NEVER
    })
    .nullable(),
})
export const PauseInput = z.strictObject({ world: WorldInput, email_id: EmailRef, reason: PlainText(500).exactOptional() })
export const SeenQuery = z.strictObject({
  world: WorldInput,
  cursor: SeenCursor.exactOptional(),
  with_views: z
    .enum(['true', 'false'])
    .default('false')
    .transform((word) => word === 'true'),
})

/** What somebody may see of themselves. */
export const meView = async (people: People, who: SignedIn) => ({
  name: who.person.name,
  address: who.person.address,
  role: who.person.role,
  expires_at: isoTime(who.session.expires_at),
  quiet_hours: quietView(who.person),
  totp: who.person.totp_secret !== null,
  passkeys: (await people.passkeys(who)).map(passkeyView),
})

/** Newest first. On the record before it is answered. */
export async function pendingFor(rooms: Rooms, actor: PersonActor, { cursor }: z.infer<typeof PendingInput>) {
  const items = await rooms.approvals.listPending(actor, { mailboxIds: null, before: cursor, limit: pageSize + 1 })
  const page = items.slice(0, pageSize)
  const view = { emails: page.map(pendingView), cursor: items.length > page.length ? cursorAt(page.at(-1)?.email.id ?? '') : null }
  const ids = page.map(({ email }) => email.id)
  await noteOpenings(rooms.store.db, actor, ids, rooms.clock.now())
  const metadata = { email_ids: ids, view_hash: viewHash(view) }
  await record(rooms, actor, { action: 'pending.listed', resourceType: 'account', resourceId: actor.accountId, metadata })
  return view
}

/** One that can still be decided. Throws EMAIL_NOT_FOUND, NOT_PENDING. */
export async function onePending(
  rooms: Rooms,
  actor: PersonActor,
  ref: string,
  by: 'session' | 'mail_link' = 'session',
): Promise<z.infer<typeof PendingEmail>> {
  const item = isId('email', ref) ? await rooms.approvals.findPending(actor, ref) : null
  if (item === null) {
    const isThere = isId('email', ref) && (await findEmail(rooms.store.db, actor, ref)) !== undefined
    throw new OperationError(isThere ? 'NOT_PENDING' : 'EMAIL_NOT_FOUND')
  }
  const view = pendingView(item)
  await noteOpenings(rooms.store.db, actor, [item.email.id], rooms.clock.now())
  const metadata = { by, hold_id: item.holdId, content_hash: item.contentHash, view_hash: viewHash(view) }
  await record(rooms, actor, { action: 'pending.read', resourceType: 'email', resourceId: ref, metadata })
  return view
}

/** As review_email, what_did_it_see and get_receipt: whoever decides sees what they decide on, and can prove it later. */
export async function reviewAs(rooms: Rooms, actor: PersonActor, ref: string) {
  const view = await reviewed({ rooms, actor }, ref)
  await noteOpenings(rooms.store.db, actor, [view.email_id as EmailId], rooms.clock.now())
  return view
}
export const seenAs = (rooms: Rooms, actor: PersonActor, ref: string, { cursor, with_views }: z.infer<typeof SeenQuery>) =>
  seenBefore({ rooms, actor }, { email_id: ref, with_views, limit: pageSize, ...(cursor !== undefined && { cursor }) })
export const receiptAs = (rooms: Rooms, actor: PersonActor, ref: string) => receiptFor({ rooms, actor }, ref)

/** @param actor who signed in a moment ago */
export const allowAs = async (rooms: Rooms, actor: SessionActor, input: z.infer<typeof AllowAsInput>) => ({
  status: 'allowed',
  ...allowanceView(unwrap(await rooms.allowances.allow(actor, askedOf(input)))),
})

/** When they want no letters from now on. */
export const setQuietAs = async (people: People, who: SignedIn, { quiet }: z.infer<typeof QuietInput>) => ({
  quiet_hours: quietView(unwrap(await people.setQuiet(who, quiet))),
})

/** What is allowed for a time in the whole account, with the addresses of its mailboxes. */
export async function allowancesFor(rooms: Rooms, actor: PersonActor) {
  const [rows, mailboxes] = [await rooms.allowances.list(actor), await listMailboxes(rooms.store.db, actor, null)]
  const addresses = new Map(mailboxes.map(({ id, address }) => [id, address]))
  const view = { allowances: rows.map((row) => ({ ...allowanceView(row), mailbox: addresses.get(row.mailbox_id) ?? null })) }
  const metadata = { count: rows.length, view_hash: viewHash(view) }
  await record(rooms, actor, { action: 'allowlist.listed', resourceType: 'account', resourceId: actor.accountId, metadata })
  return view
}

export const endAllowanceAs = (rooms: Rooms, actor: PersonActor, { mailbox_id, allowance_id }: z.infer<typeof EndAllowanceAsInput>) =>
  ended({ rooms, actor }, { mailbox_id, allowance_id })

export const pauseAs = (rooms: Rooms, actor: PersonActor, { email_id, reason }: z.infer<typeof PauseInput>) =>
  paused({ rooms, actor }, { email_id, ...(reason !== undefined && { reason }) })

/** @param spend uses up what it is decided with */
export async function decideAs(
  rooms: Rooms,
  actor: PersonActor,
  input: Omit<z.infer<typeof DecideInput>, 'world'>,
  spend?: DecisionInput['spend'],
) {
  if (!isId('email', input.email_id)) throw new OperationError('EMAIL_NOT_FOUND')
  const { email_id: email, action, reason, reason_code: code, content_hash: contentHash } = input
  const decided = unwrap(await rooms.approvals.decide(actor, { email, action, reason, code, contentHash, spend }))
  return decisionView(decided, (await findEmail(rooms.store.db, actor, email))?.message_id ?? null)
}

export async function renewAs(rooms: Rooms, actor: PersonActor, { email_id }: z.infer<typeof RenewInput>) {
  if (!isId('email', email_id)) throw new OperationError('EMAIL_NOT_FOUND')
  return renewalView(unwrap(await rooms.approvals.renew(actor, email_id)))
}

const record = (
  { store, clock }: Rooms,
  actor: PersonActor,
  entry: Pick<NewLogEntry, 'action' | 'resourceType' | 'resourceId' | 'metadata'>,
): Promise<void> =>
  store.transaction((tx) =>
    appendLog(tx, { at: clock.now(), actor, tenancy: { accountId: actor.accountId, world: actor.world }, ...entry }),
  )

export const UndoInput = z.strictObject({ world: WorldInput, email_id: EmailRef })

export async function undoAs(rooms: Rooms, actor: PersonActor, ref: string) {
  if (!isId('email', ref)) throw new OperationError('EMAIL_NOT_FOUND')
  return undoneView(unwrap(await rooms.approvals.undo(actor, ref)))
}

/** What was approved and can still be held again. On the record before it is answered. */
export async function undoableFor(rooms: Rooms, actor: PersonActor) {
  const emails = (await rooms.approvals.listUndoable(actor)).map((email) => ({
    id: email.id,
    from: email.from_address,
    to: addressesIn(email.to_json),
    subject: email.subject,
    approved_by: email.approved_by,
    undo_until: isoOrNull(email.undo_until),
    seconds_left: Math.max(0, Math.ceil(((email.undo_until ?? 0) - rooms.clock.now()) / 1000)),
  }))
  const metadata = { email_ids: emails.map(({ id }) => id), view_hash: viewHash({ emails }) }
  if (emails.length > 0)
    await record(rooms, actor, { action: 'pending.listed', resourceType: 'account', resourceId: actor.accountId, metadata })
  return { emails }
}

export const EditInput = z.strictObject({ world: WorldInput, email_id: EmailRef, ...heldChanges })

export async function editAs(rooms: Rooms, actor: PersonActor, { email_id, content_hash, subject, markdown }: z.infer<typeof EditInput>) {
  if (!isId('email', email_id)) throw new OperationError('EMAIL_NOT_FOUND')
  const input = { email: email_id, contentHash: content_hash, subject, markdown }
  return editedView(unwrap(await rooms.submissions.editHeld(actor, input)))
}
