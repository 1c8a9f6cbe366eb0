import { randomFillSync } from 'node:crypto'
import { encodeTime, monotonicFactory } from 'ulid'

declare const brand: unique symbol
export type Brand<T, Name extends string> = T & { readonly [brand]: Name }

/** Every kind of row and the prefix its ids carry, so that a log line or a URL says what it names. */
export const idPrefixes = {
  account: 'acc',
  key: 'key',
  domain: 'dom',
  dkimKey: 'dkm',
  mailbox: 'mbx',
  email: 'em',
  thread: 'thr',
  attachment: 'att',
  hold: 'hld',
  decision: 'dec',
  release: 'rel',
  delivery: 'dlv',
  attempt: 'atm',
  event: 'evt',
  logEntry: 'log',
  report: 'rpt',
  suppression: 'sup',
  contact: 'con',
  issue: 'iss',
  allowlistEntry: 'alw',
  allowance: 'alt',
  upgrade: 'upg',
  webhook: 'whk',
  webhookDelivery: 'wdl',
  approval: 'apr',
  operatorMail: 'opm',
  operatorSession: 'ops',
  signup: 'sgn',
  person: 'per',
  personCode: 'pcd',
  personSession: 'pss',
  passkey: 'psk',
} as const
export type IdKind = keyof typeof idPrefixes

export type AccountId = Brand<string, 'AccountId'>
export type KeyId = Brand<string, 'KeyId'>
export type DomainId = Brand<string, 'DomainId'>
export type DkimKeyId = Brand<string, 'DkimKeyId'>
export type MailboxId = Brand<string, 'MailboxId'>
export type EmailId = Brand<string, 'EmailId'>
export type ThreadId = Brand<string, 'ThreadId'>
export type AttachmentId = Brand<string, 'AttachmentId'>
export type HoldId = Brand<string, 'HoldId'>
export type DecisionId = Brand<string, 'DecisionId'>
export type ReleaseId = Brand<string, 'ReleaseId'>
export type DeliveryId = Brand<string, 'DeliveryId'>
export type AttemptId = Brand<string, 'AttemptId'>
export type EventId = Brand<string, 'EventId'>
export type LogEntryId = Brand<string, 'LogEntryId'>
export type ReportId = Brand<string, 'ReportId'>
export type SuppressionId = Brand<string, 'SuppressionId'>
export type ContactId = Brand<string, 'ContactId'>
export type IssueId = Brand<string, 'IssueId'>
export type AllowlistEntryId = Brand<string, 'AllowlistEntryId'>
export type AllowanceId = Brand<string, 'AllowanceId'>
export type UpgradeId = Brand<string, 'UpgradeId'>
export type WebhookId = Brand<string, 'WebhookId'>
export type WebhookDeliveryId = Brand<string, 'WebhookDeliveryId'>
export type ApprovalId = Brand<string, 'ApprovalId'>
export type OperatorMailId = Brand<string, 'OperatorMailId'>
export type OperatorSessionId = Brand<string, 'OperatorSessionId'>
export type SignupId = Brand<string, 'SignupId'>
export type PersonId = Brand<string, 'PersonId'>
export type PersonCodeId = Brand<string, 'PersonCodeId'>
export type PersonSessionId = Brand<string, 'PersonSessionId'>
export type PasskeyId = Brand<string, 'PasskeyId'>

type IdOf = {
  account: AccountId
  key: KeyId
  domain: DomainId
  dkimKey: DkimKeyId
  mailbox: MailboxId
  email: EmailId
  thread: ThreadId
  attachment: AttachmentId
  hold: HoldId
  decision: DecisionId
  release: ReleaseId
  delivery: DeliveryId
  attempt: AttemptId
  event: EventId
  logEntry: LogEntryId
  report: ReportId
  suppression: SuppressionId
  contact: ContactId
  issue: IssueId
  allowlistEntry: AllowlistEntryId
  allowance: AllowanceId
  upgrade: UpgradeId
  webhook: WebhookId
  webhookDelivery: WebhookDeliveryId
  approval: ApprovalId
  operatorMail: OperatorMailId
  operatorSession: OperatorSessionId
  signup: SignupId
  person: PersonId
  personCode: PersonCodeId
  personSession: PersonSessionId
  passkey: PasskeyId
}

// Monotonic inside this process: two ids of one millisecond still sort in the order they were made.
const nextUlid = monotonicFactory(chance)

const pool = new Uint8Array(4_096)
let used = pool.length

/** From 0 to below 1, in steps of 1/256: a ULID asks for one of 32 letters. Asking the system for each letter takes longer than all the rest. */
function chance(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  return (pool[used++] ?? 0) / 256
}

/** A new id such as `em_01JD…` (prefix, underscore, 26 characters of ULID). Sorts by time of making. @param now epoch ms */
export const newId = <K extends IdKind>(kind: K, now: number): IdOf[K] => `${idPrefixes[kind]}_${nextUlid(now)}` as IdOf[K]

/** No id of this kind that was made at this time (epoch ms) or later sorts before it. */
export const firstIdAt = <K extends IdKind>(kind: K, at: number): IdOf[K] =>
  `${idPrefixes[kind]}_${encodeTime(Math.max(0, at), 10)}${'0'.repeat(16)}` as IdOf[K]

/** True for a well-formed id of this kind; says nothing about whether the row exists. */
export const isId = <K extends IdKind>(kind: K, text: string): text is IdOf[K] =>
  text.length === idPrefixes[kind].length + 27 &&
  text.startsWith(`${idPrefixes[kind]}_`) &&
  /^[0-9A-HJKMNP-TV-Z]{26}$/.test(text.slice(-26))
