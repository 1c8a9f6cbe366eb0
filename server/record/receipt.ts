/** What entries of the log say of one mail, and whether a receipt says the same. Pure, and without our server: the key is all that has to be believed. */
import { z } from 'zod'
import { type Json, canonicalJson } from '../model/canonical.ts'
import { openCheckpoint } from '../model/checkpoint.ts'
import { isIncluded } from '../model/merkle.ts'
import { type NoteKey, verifierKeyText } from '../model/note.ts'
import { type Receipt, type ReceiptEntry, deliveryOutcomes as outcomes, historyActions, receiptShape } from '../model/receipt.ts'
import { type Result, fail, ok } from '../model/result.ts'
import { detailsHash, leafHash } from '../store/log-format.ts'

/** Characters; a receipt with a thousand entries has half of it. */
const longestReceipt = 8 * 1024 * 1024

/** Of the body of an entry, what a receipt reads. */
const Body = z.object({
  seq: z.int(),
  at: z.string(),
  account: z.string(),
  world: z.enum(['live', 'test']),
  action: z.string(),
  actor: z.string(),
  resource: z.object({ type: z.string(), id: z.string() }),
  metadata: z.record(z.string(), z.unknown()),
  details_hash: z.string().nullable(),
})
type Said = z.infer<typeof Body> & { details: Record<string, unknown> }

const Details = z.record(z.string(), z.unknown())
const mailActions: readonly string[] = historyActions

export type Summary = Pick<Receipt, 'email_id' | 'content_hash' | 'release' | 'approval' | 'history' | 'deliveries'>

/** What these entries say of the mail; null when they are not those of one mail that was let go, as its approval or a policy said. */
export function summaryOf(emailId: string, entries: readonly ReceiptEntry[]): Summary | null {
  const all = entries.map(saidBy)
  if (!all.every((one) => one !== null)) return null
  const ofMail = all.filter((one) => one.resource.type === 'email' && one.resource.id === emailId && mailActions.includes(one.action))
  const ofDeliveries = all.filter(
    (one) => one.resource.type === 'delivery' && one.metadata['email_id'] === emailId && Object.hasOwn(outcomes, one.action),
  )
  const [released, ...more] = ofMail.filter(({ action }) => action === 'email.released')
  const isOneMail =
    ofMail.length + ofDeliveries.length === all.length && new Set(all.map(({ account, world }) => `${account} ${world}`)).size === 1
  if (released === undefined || more.length > 0 || !isOneMail) return null
  const { release_id: releaseId, content_hash: hash, decision_id: decisionId } = released.metadata
  const isAbove = ({ seq, metadata }: Said): boolean => seq > released.seq && metadata['release_id'] === releaseId
  if (typeof hash !== 'string' || typeof releaseId !== 'string' || !ofDeliveries.every(isAbove)) return null
  const approval = decisionId === undefined ? null : ofMail.find((one) => isApproval(one, released))
  if (approval === undefined) return null
  return {
    email_id: emailId,
    content_hash: hash,
    release: {
      id: releaseId,
      at: released.at,
      kind: approval === null ? 'policy' : 'approval',
      rule: textOf(released.metadata['rule']),
      decision_id: textOf(decisionId),
    },
    approval: approval && {
      decision_id: String(decisionId),
      decision: 'approve',
      at: approval.at,
      actor_kind: kindOf(approval),
      self_approved: approval.metadata['self_approved'] === true,
    },
    history: ofMail.map((one) => ({
      at: one.at,
      action: one.action,
      actor_kind: kindOf(one),
      content_hash: textOf(one.metadata['content_hash']),
    })),
    deliveries: ofDeliveries.map(deliveryOf),
  }
}

/** The decision that the release names, given before it, about the same content. */
const isApproval = ({ action, seq, metadata }: Said, released: Said): boolean =>
  action === 'email.approved' &&
  seq < released.seq &&
  metadata['decision_id'] === released.metadata['decision_id'] &&
  metadata['content_hash'] === released.metadata['content_hash']

const deliveryOf = ({ action, at, resource, metadata, details }: Said): Summary['deliveries'][number] => ({
  delivery_id: resource.id,
  outcome: outcomes[action as keyof typeof outcomes],
  at,
  code: textOf(metadata['code']),
  may_be_accepted: typeof metadata['may_be_accepted'] === 'boolean' ? metadata['may_be_accepted'] : null,
  recipient: textOf(details['recipient']),
  host: textOf(details['host']),
  reply: textOf(details['reply']),
})

const textOf = (value: unknown): string | null => (typeof value === 'string' ? value : null)

/** Never who: the entry has an id that means something to its operator alone. */
const kindOf = ({ actor }: Said): 'key' | 'person' | 'system' =>
  actor.startsWith('system:') ? 'system' : actor.startsWith('key_') ? 'key' : 'person'

function saidBy({ body, details }: ReceiptEntry): Said | null {
  try {
    const said = Body.safeParse(JSON.parse(body)).data
    return said === undefined ? null : { ...said, details: details === null ? {} : Details.parse(JSON.parse(details)) }
  } catch {
    return null
  }
}

/** What is wrong with a receipt. */
export type ReceiptFault =
  /** no receipt: not JSON, too long, a field too many or too few, or one twice */
  | 'NO_RECEIPT'
  /** its checkpoint was not signed with the key */
  | 'OTHER_KEY'
  /** an entry is not under the checkpoint as it stands here; `detail` names it */
  | 'NOT_IN_LOG'
  /** it says what its entries do not */
  | 'NOT_SAID'

/** Checks a receipt. @param key from the operator, not from the receipt */
export function verifyReceipt(text: string, key: NoteKey): Result<{ receipt: Receipt; size: number }, ReceiptFault> {
  const receipt = readReceipt(text)
  if (receipt === null) return fail('NO_RECEIPT')
  const checkpoint = openCheckpoint(receipt.checkpoint, key)
  if (checkpoint === null || receipt.key !== verifierKeyText(key)) return fail('OTHER_KEY')
  let last = 0
  for (const entry of receipt.entries) {
    const inLog = { leaf: leafHash(entry.body), index: entry.seq - 1, size: checkpoint.size, path: entry.path, root: checkpoint.root }
    if (entry.seq <= last || !isIncluded(inLog) || !isWhole(entry)) return fail('NOT_IN_LOG', `entry ${entry.seq}`)
    last = entry.seq
  }
  const { format: _format, entries, checkpoint: _checkpoint, key: _key, ...said } = receipt
  const summary = summaryOf(receipt.email_id, entries)
  if (summary === null || canonicalJson(summary) !== canonicalJson(said)) return fail('NOT_SAID')
  return ok({ receipt, size: checkpoint.size })
}

/** Whether its place is its own, and its details those it commits to. */
function isWhole({ seq, body, details, salt }: ReceiptEntry): boolean {
  const said = saidBy({ seq, body, details, salt, path: [] })
  if (said?.seq !== seq || canonicalJson(JSON.parse(body) as Json) !== body || (details === null) !== (salt === null)) return false
  return details === null || salt === null || detailsHash(Buffer.from(salt, 'hex'), details) === said.details_hash
}

const Shape = receiptShape()

function readReceipt(text: string): Receipt | null {
  if (text.length > longestReceipt) return null
  try {
    const value = JSON.parse(text) as Json
    const receipt = Shape.safeParse(value).data
    // JSON.parse keeps the last of two fields of one name, and a person reads the first.
    return receipt !== undefined && fieldsIn(value) === text.replaceAll(quoted, '').split(':').length - 1 ? receipt : null
  } catch {
    return null
  }
}

const quoted = /"(?:[^"\\]|\\.)*"/gs

function fieldsIn(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0
  const inside = Object.values(value as Record<string, Json>)
  return inside.reduce<number>((sum, one) => sum + fieldsIn(one), Array.isArray(value) ? 0 : inside.length)
}
