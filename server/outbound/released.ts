/**
 * Is this what was released? (Design promise 2.) Asked before every attempt, of what is about to be sent and not of what was stored about it:
 * the bytes are read and hashed anew, and each row has to agree with the others. Whoever changes one of them in the store stops the mail.
 */
import { type Address, parseAddress } from '../model/address.ts'
import { type Envelope, contentHash } from '../model/envelope.ts'
import { isBacked } from '../model/hold-life.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Store } from '../store/db.ts'
import { type EmailRow, emailById, envelopeOf } from '../store/emails.ts'
import { approvalsOf, decisionById, holdById } from '../store/holds.ts'
import type { Claim } from '../store/queue.ts'
import { type ReleaseRow, releaseById } from '../store/releases.ts'

/** `prepended` is what the release put in front of `composed`, the approved bytes. They are never put together: a message is held once. */
export type Released = { email: EmailRow; prepended: string; composed: Buffer; reversePath: Address | null; forwardPath: Address }

/** The rows of a delivery, as they stand; nothing is checked. */
export type Named = { email: EmailRow | undefined; release: ReleaseRow | undefined }

export async function namedBy({ db }: Store, claim: Claim): Promise<Named> {
  const [email, release] = await Promise.all([emailById(db, claim.email_id), releaseById(db, claim.release_id)])
  return { email, release }
}

/** What does not agree. */
export type Mismatch =
  | 'NO_EMAIL'
  | 'OTHER_TENANT'
  | 'NOT_SENT'
  | 'NO_CONTENT'
  | 'BAD_ENVELOPE'
  | 'NO_RELEASE'
  | 'OTHER_CONTENT'
  | 'NO_DECISION'
  | 'OTHER_RECIPIENT'
  | 'FOREIGN_FIELD'

export async function findReleased(store: Store, claim: Claim, { email, release }: Named): Promise<Result<Released, Mismatch>> {
  if (email === undefined || email.direction !== 'outbound') return fail('NO_EMAIL')
  if (email.account_id !== claim.account_id || email.world !== claim.world || email.mailbox_id !== claim.mailbox_id)
    return fail('OTHER_TENANT')
  if (email.status !== 'sent') return fail('NOT_SENT')
  // A blob that is missing, or a file of another size, is content that nobody released either.
  const composed = email.raw_hash === null ? null : await store.blobs.read(store.db, email.raw_hash).catch(() => null)
  if (composed === null) return fail('NO_CONTENT')
  const found = await checkRelease(store, release, email, composed)
  if (!found.ok) return found
  const { envelope, prepended } = found.value
  const forwardPath = envelope.forwardPaths.find((path) => path === claim.forward_path)
  if (forwardPath === undefined) return fail('OTHER_RECIPIENT')
  return ok({ email, prepended, composed, reversePath: envelope.reversePath, forwardPath })
}

type FoundRelease = { envelope: Envelope; prepended: string }

async function checkRelease(
  store: Store,
  release: ReleaseRow | undefined,
  email: EmailRow,
  composed: Buffer,
): Promise<Result<FoundRelease, Mismatch>> {
  const envelope = envelopeIn(email)
  if (envelope === null) return fail('BAD_ENVELOPE')
  if (release === undefined || release.email_id !== email.id) return fail('NO_RELEASE')
  if (release.content_hash !== contentHash(composed, envelope)) return fail('OTHER_CONTENT')
  if (!(await isGrounded(store, release))) return fail('NO_DECISION')
  if (!isPrependable(release.prepended)) return fail('FOREIGN_FIELD')
  return ok({ envelope, prepended: release.prepended })
}

/** Null when the columns hold something else than addresses. */
function envelopeIn(email: EmailRow): Envelope | null {
  try {
    const { reversePath, forwardPaths } = envelopeOf(email)
    const paths = reversePath === null ? forwardPaths : [reversePath, ...forwardPaths]
    return paths.every((path) => typeof path === 'string' && parseAddress(path) === path) ? { reversePath, forwardPaths } : null
  } catch {
    return null
  }
}

/** Either a rule of the gate, or a decision to approve this very content that ended a hold of this email, with as many approvals as that needed. */
async function isGrounded(store: Store, release: ReleaseRow): Promise<boolean> {
  if (release.kind === 'policy') return release.rule !== null && release.decision_id === null
  const decision = release.decision_id === null ? undefined : await decisionById(store.db, release.decision_id)
  if (decision === undefined || decision.action !== 'approve') return false
  if (decision.email_id !== release.email_id || decision.content_hash !== release.content_hash) return false
  const hold = await holdById(store.db, decision.hold_id)
  if (hold === undefined || hold.email_id !== release.email_id) return false
  const { state, content_hash: hash, people } = hold
  const grounds = { hash: release.content_hash, grounds: 'approval' } as const
  // Where one person is enough, their decision is the approval.
  if (people === 1) return isBacked(grounds, { state, hash, people, yes: [decision.actor_id] })
  const approvals = (await approvalsOf(store.db, [hold.id])).filter((one) => one.content_hash === hash)
  const yes = approvals.map(({ voter_id }) => voter_id)
  return isBacked(grounds, { state, hash, people, yes }) && approvals.some(({ actor_id: by }) => by === decision.actor_id)
}

/** The fixed set of fields that may stand in front of the approved bytes: one Date (RFC 5322 §3.6.1), and nothing that could hide there. */
const isPrependable = (fields: string): boolean => /^Date: [A-Za-z0-9 ,:+-]{1,40}\r\n$/.test(fields)
