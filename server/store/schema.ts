import type { Generated, Insertable, Selectable } from 'kysely'
import type { Direction, EmailStatus, GateTiming, OversightMode, OversightSaid, Priority, SpamVerdict, UserLabel } from '../model/email.ts'
import type { Automatic } from '../model/automatic.ts'
import type { PersonRole } from '../model/actor.ts'
import type { ContentHash } from '../model/envelope.ts'
import type { AdminAction } from '../model/admin-action.ts'
import type {
  AccountId,
  AllowanceId,
  AllowlistEntryId,
  ApprovalId,
  AttachmentId,
  AttemptId,
  ContactId,
  DecisionId,
  DeliveryId,
  DkimKeyId,
  DomainId,
  EmailId,
  EventId,
  HoldId,
  IssueId,
  KeyId,
  LogEntryId,
  MailboxId,
  OperatorMailId,
  OperatorSessionId,
  PasskeyId,
  PersonCodeId,
  PersonId,
  PersonSessionId,
  ReleaseId,
  ReportId,
  SignupId,
  SuppressionId,
  ThreadId,
  UpgradeId,
  WebhookDeliveryId,
  WebhookId,
} from '../model/ids.ts'
import type { RejectionCode } from '../model/decision.ts'
import type { CanaryFault } from '../model/canary.ts'
import type { LoweringCause } from '../model/lowering.ts'
import type { EnforcementTier } from '../model/standing.ts'
import type { SuppressionReason } from '../model/suppression.ts'
import type { World } from '../model/world.ts'

/** The tables. Times are epoch ms; flags are 0 or 1; `…_json` columns hold JSON text, read and written beside their table only. */
export interface Database {
  accounts: AccountRow
  api_keys: ApiKeyRow
  domains: DomainRow
  dkim_keys: DkimKeyRow
  mailboxes: MailboxRow
  blobs: BlobRow
  threads: ThreadRow
  emails: EmailRow
  email_places: EmailPlaceRow
  idempotent_calls: IdempotentCallRow
  recent_submissions: RecentSubmissionRow
  monthly_messages: MonthlyMessagesRow
  attachments: AttachmentRow
  holds: HoldRow
  email_versions: EmailVersionRow
  hold_approvals: HoldApprovalRow
  canaries: CanaryRow
  timed_reviews: TimedReviewsRow
  review_openings: ReviewOpeningRow
  review_times: ReviewTimeRow
  decisions: DecisionRow
  releases: ReleaseRow
  deliveries: DeliveryRow
  attempts: AttemptRow
  events: EventRow
  log_entries: LogEntryRow
  log_head: LogHeadRow
  log_subtrees: LogSubtreeRow
  log_checkpoints: LogCheckpointRow
  aliases: AliasRow
  allowlist_entries: AllowlistEntryRow
  allowances: AllowanceRow
  mode_upgrades: ModeUpgradeRow
  mode_findings: ModeFindingRow
  correspondents: CorrespondentRow
  spam_tokens: SpamTokenRow
  visitor_windows: VisitorWindowRow
  received_reports: ReceivedReportRow
  sts_policies: StsPolicyRow
  tls_results: TlsResultRow
  tls_reports: TlsReportRow
  sending_stops: SendingStopRow
  suppressions: SuppressionRow
  address_failures: AddressFailureRow
  mailbox_days: MailboxDayRow
  mailbox_standings: MailboxStandingRow
  installation_secrets: InstallationSecretRow
  alarms: AlarmRow
  noticing_mailboxes: NoticingMailboxRow
  opens: OpenRow
  notified_mailboxes: NotifiedMailboxRow
  send_caps: SendCapRow
  send_windows: SendWindowRow
  policy_counts: PolicyCountRow
  first_contacts: FirstContactRow
  pace_measures: PaceMeasureRow
  source_days: SourceDayRow
  search_queue: SearchQueueRow
  search_entries: SearchEntryRow
  email_tags: EmailTagRow
  contacts: ContactRow
  usage_days: UsageDayRow
  usage_mark: UsageMarkRow
  issues: IssueRow
  webhooks: WebhookRow
  webhook_deliveries: WebhookDeliveryRow
  admin_actions: AdminActionRow
  operator_mails: OperatorMailRow
  operator_sessions: OperatorSessionRow
  signups: SignupRow
  spent_challenges: SpentChallengeRow
  kept_views: KeptViewRow
  people: PersonRow
  passkeys: PasskeyRow
  person_codes: PersonCodeRow
  person_sessions: PersonSessionRow
  approval_links: ApprovalLinkRow
  reviewer_turns: ReviewerTurnRow
}

type AccountRow = {
  id: AccountId
  name: string
  slug: string
  /** the sender's postal address, which some laws want in mail; null: not given */
  physical_address: Generated<string | null>
  /** where the operator is asked, outside of every mailbox here; null: nowhere */
  oversight_email: Generated<string | null>
  /** when its live world was handed out whole last, and its test world */
  exported_at: Generated<number | null>
  test_exported_at: Generated<number | null>
  /** from then on nothing is done for it; the row itself stays, with other names */
  deleted_at: Generated<number | null>
  /** when nothing of it was left */
  removed_at: Generated<number | null>
  /** when somebody signed up for it; null: it was made on the host */
  signed_up_at: Generated<number | null>
  created_at: number
}

/** Only the SHA-256 of a key is kept; `prefix` is what a person may be shown again. */
type ApiKeyRow = {
  id: KeyId
  account_id: AccountId
  world: World
  name: string
  prefix: string
  secret_hash: string
  /** JSON array of Scope */
  scopes_json: string
  /** JSON array of MailboxId, or null for every mailbox of the account */
  mailbox_ids_json: string | null
  created_at: number
  expires_at: number | null
  last_used_at: number | null
  revoked_at: number | null
  /** the secret that was replaced, and until when (exclusive) it works beside the new one */
  old_secret_hash: Generated<string | null>
  old_works_until: Generated<number | null>
  /** whose it is: they never decide on what it wrote; null: nobody knows */
  owner_id: Generated<PersonId | null>
}

/** Somebody who signs in to decide. Who was removed keeps their row, so that ids lead somewhere, without what it said of them. */
type PersonRow = {
  id: PersonId
  account_id: AccountId
  role: PersonRole
  name: string
  /** where their codes go, outside of every mailbox here; as it was written, and in the compared form */
  address: string
  address_key: string
  /** base32, of an authenticator program; null: they have none. The other one waits for its first code. */
  totp_secret: string | null
  totp_new_secret: string | null
  /** of the last code that was used (RFC 6238 §5.2: once) */
  totp_step: number | null
  /** wrong codes since the last right one */
  totp_misses: number
  created_at: number
  /** when a letter said last what waits */
  told_at: number | null
  /** no letters between these minutes after midnight in that time zone (IANA); null: at any time */
  time_zone: string | null
  quiet_from: number | null
  quiet_to: number | null
  removed_at: number | null
}

type PasskeyRow = {
  id: PasskeyId
  account_id: AccountId
  person_id: PersonId
  /** base64url, of the authenticator */
  credential_id: string
  /** COSE */
  public_key: Buffer
  counter: number
  name: string
  created_at: number
  last_used_at: number | null
}

/** A code that somebody may sign in with, once. */
type PersonCodeRow = {
  id: PersonCodeId
  account_id: AccountId
  person_id: PersonId
  /** mail: it went to their address. host: it was printed on the host. */
  kind: 'mail' | 'host'
  /** SHA-256 of what only the browser has that asked for it; of one of the host, of the code itself */
  ticket_hash: string
  code_salt: string
  code_hash: string
  /** wrong codes */
  tries: number
  created_at: number
  expires_at: number
  ended_at: number | null
}

/** That a person is to be told of a hold, and the link that they were told of it with. */
type ApprovalLinkRow = {
  hold_id: HoldId
  person_id: PersonId
  account_id: AccountId
  email_id: EmailId
  content_hash: string
  /** SHA-256 of what the link holds; null: there is none */
  token_hash: string | null
  created_at: number
  /** when they are to be told: 0 is at once; later than `created_at` when others are before them */
  due_at: Generated<number>
  told_at: number | null
  expires_at: number
  ended_at: number | null
}

/** Who is told of what waits after whom. `mailbox_id` null: in every mailbox that has no turns of its own. */
type ReviewerTurnRow = { account_id: AccountId; mailbox_id: MailboxId | null; person_id: PersonId; turn: number; after_ms: number }

type PersonSessionRow = {
  id: PersonSessionId
  account_id: AccountId
  person_id: PersonId
  /** SHA-256 of what the cookie holds */
  token_hash: string
  method: 'passkey' | 'code' | 'host'
  created_at: number
  /** to the minute */
  seen_at: number
  /** at the latest */
  expires_at: number
  ended_at: number | null
}

/** What a key asked for and the operator has to agree to. Open until it is used or refused, or its time is over. `code_hash`: SHA-256 over salt and code. */
type AdminActionRow = {
  id: ApprovalId
  account_id: AccountId
  world: World
  key_id: KeyId
  action: AdminAction
  /** RFC 8785, and the SHA-256 of it */
  parameters_json: string
  parameters_hash: string
  code_salt: string
  code_hash: string
  /** wrong codes */
  tries: number
  created_at: number
  expires_at: number
  /** on the host, instead of by code */
  approved_at: number | null
  used_at: number | null
  refused_at: number | null
}

/** A letter of our own to an operator. `subject` and `body` are '' once it has left or been given up: it may have held a code. */
type OperatorMailRow = {
  id: OperatorMailId
  account_id: AccountId
  recipient: string
  subject: string
  body: string
  state: 'due' | 'sent' | 'failed'
  /** those that were begun */
  tries: number
  next_try_at: number
  give_up_at: number
  /** to an address that a stranger named */
  of_signup: Generated<0 | 1>
  created_at: number
}

/** A code that was mailed to begin a session (`started_at` null), or the session; `expires_at` is that of which it is. */
type OperatorSessionRow = {
  id: OperatorSessionId
  account_id: AccountId
  world: World
  key_id: KeyId
  /** where the code went; null of a test key, for which nothing is mailed */
  operator_address: string | null
  code_salt: string
  code_hash: string
  /** wrong codes */
  tries: number
  /** SHA-256 of what the cookie holds */
  token_hash: string | null
  created_at: number
  started_at: number | null
  expires_at: number
  ended_at: number | null
}

/** Somebody asks for an account. Of the codes there are keyed hashes only. */
type SignupRow = {
  id: SignupId
  /** known: the address has an account, and nothing can come of it */
  kind: 'person' | 'agent' | 'known'
  /** as it was written, and in the compared form */
  email: string
  email_key: string
  name: string
  slug: string
  mode: Extract<OversightMode, 'gated_all' | 'gated_send'>
  physical_address: string | null
  use_case: string | null
  /** what the agent is given to get its key */
  code_hash: string
  /** what the operator keeps, to get theirs */
  owner_hash: string
  /** what an agent holds besides its code; null unless it registered itself */
  claim_hash: string | null
  /** wrong codes */
  tries: number
  letters: number
  letter_at: number
  created_at: number
  expires_at: number
  /** null until one of the codes is used */
  account_id: AccountId | null
  /** the one that was made with it */
  mailbox_id: MailboxId | null
  agent_used_at: number | null
  owner_used_at: number | null
  /** the ids of the keys that each code gave last; null: none yet */
  agent_keys_json: string | null
  owner_keys_json: string | null
}

/** A proof of work that brought about a sign-up. */
type SpentChallengeRow = {
  digest: string
  /** of the call and its idempotency key, so that its repetition is known; null: it had none */
  repeat_hash: string | null
  forget_at: number
}

type DomainRow = {
  id: DomainId
  account_id: AccountId
  name: string
  /** takes what is sent to an address of the domain that has no mailbox; null: such mail is refused */
  catch_all_mailbox_id: MailboxId | null
  /** 1: a key added it, and the DNS has not said yet that it is the account's */
  is_pending: Generated<number>
  /** when the DNS said so first; null also of what was set up on the host */
  verified_at: Generated<number | null>
  /** DomainFindings as JSON, of the last look at the DNS; null: never looked */
  findings_json: Generated<string | null>
  created_at: number
}

type DkimKeyRow = {
  id: DkimKeyId
  domain_id: DomainId
  selector: string
  algorithm: 'rsa-sha256' | 'ed25519-sha256'
  /** PKCS #8 PEM; '' once it is retired: it is destroyed */
  private_key: string
  /** base64 for the p= tag (RFC 6376 §3.6.1; RFC 8463 §4) */
  public_key: string
  /** only an `active` key signs */
  state: 'next' | 'active' | 'retired' | 'gone'
  state_since: number
  /** a `next` key signs from then on, once the DNS shows it */
  use_from: number
  created_at: number
}

/** `address` is in the compared form (lower case); one address may exist once in each world. */
type MailboxRow = {
  id: MailboxId
  account_id: AccountId
  world: World
  domain_id: DomainId
  address: string
  display_name: string | null
  oversight_mode: OversightMode
  /** 0: suspended for a time, or deleted */
  is_active: number
  /** null: not deleted */
  deleted_at: number | null
  /** of mail that is to be sent later, where the call does not say */
  default_gate_timing: Generated<GateTiming>
  /** an Address that gets a copy of all that leaves; null: nobody */
  auto_cc: Generated<string | null>
  auto_bcc: Generated<string | null>
  /** who writes, in the footer; null: the name of the account */
  signature_block: Generated<string | null>
  /** 0: nothing is sent later */
  scheduling_enabled: Generated<number>
  /** how long (seconds) an approved email waits, so that the approval can be taken back */
  undo_seconds: Generated<number>
  /** 1: an MCP client has been told how its operator wants it */
  mcp_configured: Generated<number>
  /** where its messages, and what waits for its reviewers, are told of; set by `setOfMailbox` (server/events/webhooks.ts) only, which keeps the webhook
   *  that does it */
  webhook_url: Generated<string | null>
  oversight_webhook_url: Generated<string | null>
  /** a Policy as JSON; null: none */
  policy_json: Generated<string | null>
  policy_set_at: Generated<number | null>
  /** an actor's id */
  policy_set_by: Generated<string | null>
  /** JSON array of LoweringCause: what lowers it by itself; null: nothing was chosen */
  lowers_on_json: Generated<string | null>
  /** test emails among those that wait, in a week at most */
  canaries_per_week: Generated<number>
  created_at: number
}

/** Messages of a mailbox within ten minutes, by what a policy counts: `mailbox`, `thread ID` or `to ADDRESS`, which is in the compared form. */
type PolicyCountRow = { mailbox_id: MailboxId; key: string; window_start: number; messages: number }

/** Whom a gated_send mailbox may write to without asking: an address in the compared form, or `*@domain`. */
type AllowlistEntryRow = {
  id: AllowlistEntryId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  pattern: string
  note: string | null
  /** an actor's id */
  added_by: string
  added_at: number
}

/** An address that a mailbox may write to without asking until `expires_at`. */
type AllowanceRow = {
  id: AllowanceId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  /** in the compared form */
  address: string
  /** the person, or a key to which the operator agreed */
  allowed_by: string
  /** as whom they count (model/hold-life.ts): a key that is known to be somebody's is them */
  voter_id: string
  allowed_at: number
  expires_at: number
}

/** A request for more autonomy, with the code that a person hands over. State `open` ends once, in exactly one of the others. */
type ModeUpgradeRow = {
  id: UpgradeId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  from_mode: OversightMode
  to_mode: OversightMode
  code_salt: string
  code_hash: string
  wrong_tries: number
  state: 'open' | 'applied' | 'burnt' | 'replaced'
  requested_by: string
  created_at: number
  expires_at: number
  ended_at: number | null
}

/** What a mailbox was lowered for. `finding`: the id of the email that drew a complaint or that held orders for a program; of bounces the day. */
type ModeFindingRow = {
  mailbox_id: MailboxId
  cause: LoweringCause
  finding: string
  from_mode: OversightMode
  to_mode: OversightMode
  found_at: number
}

/** Another address of a mailbox, in the compared form. */
type AliasRow = { address: string; account_id: AccountId; domain_id: DomainId; mailbox_id: MailboxId; created_at: number }

/** A content by its SHA-256: `bytes` up to 64 KiB, null when it is a file of the blob store. */
type BlobRow = { hash: string; size: number; bytes: Uint8Array | null; created_at: number }

type ThreadRow = {
  id: ThreadId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  subject: string
  created_at: number
  last_activity_at: number
}

type EmailRow = {
  id: EmailId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  thread_id: ThreadId
  direction: Direction
  status: EmailStatus
  /** Message-ID with its angle brackets (RFC 5322 §3.6.4) */
  message_id: string | null
  in_reply_to: string | null
  /** JSON array of message ids, oldest first */
  references_json: string
  subject: string
  from_address: string
  from_name: string | null
  /** JSON arrays of HeaderAddress */
  reply_to_json: string
  to_json: string
  cc_json: string
  bcc_json: string
  /** envelope: '' is the null reverse-path; forward_paths_json is a JSON array of Address */
  reverse_path: string
  forward_paths_json: string
  /** the Date header, when it could be read */
  sent_at: number | null
  /** inbound: when we took responsibility; outbound: when it was submitted (or drafted) */
  received_at: number
  /** the whole visible text as Markdown */
  markdown: string
  /** only what is new in it, without quoted history and signature */
  extracted: string
  has_attachments: number
  /** raw message in the blob store: inbound as stored, outbound as composed; null for a draft */
  raw_hash: string | null
  raw_size: number
  /** outbound, once composed (design promise 2) */
  content_hash: ContentHash | null
  /** inbound: AuthenticationResults as JSON */
  authentication_json: string | null
  /** inbound: SenderIdentity as JSON; null when it has no such field */
  sender_identity_json: string | null
  spam_score: number | null
  spam_verdict: SpamVerdict | null
  /** JSON array of short codes: what was odd about the message (`mime-truncated`, `unparsable`, …) */
  flags_json: string
  /** inbound: JSON array of Reason (model/reason.ts): why it was judged as it was */
  reasons_json: string
  /** inbound: the beginning of what a person would not have seen of it, for the reviewer, and how much that is; null when there was nothing */
  hidden_text: string | null
  hidden_characters: number | null
  /** inbound: what kind of program wrote it (model/automatic.ts); null when a person may have */
  automatic: Automatic | null
  /** inbound: what a user said of it */
  user_label: UserLabel | null
  /** inbound: 1 when its sender asked for TLS on every hop (RFC 8689) */
  require_tls: number
  /** outbound: not before this time; null: as soon as it may */
  send_at: number | null
  /** outbound, while it is scheduled: when it is looked at next; later than send_at when it had to wait */
  due_at: number | null
  /** outbound, when it is to be sent later: whether a reviewer decides before its time or at it */
  gate_timing: GateTiming | null
  /** outbound: what goes first among the mail of one mailbox */
  priority: Priority
  /** outbound: how long its deliveries are tried; null: as the settings say */
  give_up_after_ms: number | null
  /** outbound: JSON {cc, bcc}, arrays of Address: who of those in cc_json and bcc_json the mailbox added; null: nobody */
  copies_json: string | null
  /** outbound, once composed: the text behind what the agent wrote */
  footer: string | null
  /** outbound, once composed: what the footer says of who looks at it; null: it was composed without a footer */
  oversight_said: OversightSaid | null
  /** outbound, once composed: JSON array of Finding: what the outgoing checks found, at most what a person would read; null: they did not look at it */
  findings_json: string | null
  /** outbound: the key that proposed it */
  composer_id: KeyId | null
  /** outbound: the key that wrote its draft, when `composer_id` handed that in */
  drafter_id: KeyId | null
  /** outbound, once composed: Taint as JSON, where its parts come from; for reviewers */
  taint_json: string | null
  idempotency_key: string | null
  approved_at: number | null
  approved_by: string | null
  /** outbound, approved: until then (exclusive) the approval can be taken back, and it does not leave */
  undo_until: number | null
  rejection_reason: string | null
  rejection_code: RejectionCode | null
  /** of what was turned down: 1: another version was asked for */
  redo_asked: 0 | 1
  /** the kind of actor that approved it, turned it down, took it back or let its time run out; null: nobody has, or before this was kept */
  ended_by: 'person' | 'key' | 'system' | null
  /** outbound: the email of which it is another version */
  replaces_id: EmailId | null
  /** outbound: its other version; of what was still held, `cancelled` says that this took its place */
  replaced_by_id: EmailId | null
  delivered_at: number | null
  bounced_at: number | null
  bounce_type: 'hard' | 'soft' | null
  read_at: number | null
  created_at: number
  updated_at: number
}

type AttachmentRow = {
  id: AttachmentId
  email_id: EmailId
  position: number
  /** as the sender wrote it; never a path */
  name: string
  content_type: string
  size: number
  blob_hash: string
  content_id: string | null
  is_inline: number
}

/** An email waiting for a decision. State `open` ends once, in exactly one of the others. */
type HoldRow = {
  id: HoldId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  email_id: EmailId
  direction: Direction
  /** outbound: the content a decision must name; inbound: SHA-256 of the raw bytes */
  content_hash: string
  /** the rule that held it, in plain words for a person */
  reason: string
  state: 'open' | 'approved' | 'rejected' | 'expired' | 'cancelled'
  /** how many different ones have to approve it */
  people: Generated<number>
  /** JSON array of voters (see HoldApprovalRow) who wrote in what is held; null: its agent alone did */
  editors_json: Generated<string | null>
  created_at: number
  expires_at: number
  /** how often it was given longer, and the time (epoch ms) beyond which it is not */
  renewals: Generated<number>
  renewable_until: Generated<number>
  ended_at: number | null
}

/** What a held email said before a reviewer changed it, with the hold that this ended. */
type EmailVersionRow = {
  email_id: EmailId
  /** from 1 on; the first is what its agent handed in */
  number: number
  hold_id: HoldId
  content_hash: string
  raw_hash: string
  raw_size: number
  subject: string
  markdown: string
  /** envelope, as in emails */
  reverse_path: string
  forward_paths_json: string
  /** who changed it, an actor's id */
  edited_by: string
  edited_at: number
}

/** One yes to a hold for which more than one is needed, the last one's too; that is a decision besides. */
type HoldApprovalRow = {
  hold_id: HoldId
  /** the person, also when they used a key that is known for theirs; else the key */
  voter_id: string
  actor_id: string
  email_id: EmailId
  content_hash: string
  reason: string | null
  created_at: number
}

/** A test email among those that wait. Its ids are such as an email and a hold have, and there is neither. State `open` ends once, in exactly one of the others. */
type CanaryRow = {
  id: EmailId
  hold_id: HoldId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  fault: CanaryFault
  /** missed: somebody approved it; withdrawn: nobody was to decide on it any more */
  state: 'open' | 'rejected' | 'missed' | 'expired' | 'withdrawn'
  reason: string
  people: number
  content_hash: string
  /** EmailRow as JSON, as that of a real one, and the composed message; '' and nothing once it has ended */
  email_json: string
  raw: Uint8Array
  /** an actor's id */
  decided_by: string | null
  created_at: number
  expires_at: number
  ended_at: number | null
}

/** That an operator wants to know how long people look at what they decide on, in one world. */
type TimedReviewsRow = { account_id: AccountId; world: World; since: number }

/** When somebody was first shown what waits for a decision; `email_id` may be a test email's. */
type ReviewOpeningRow = { account_id: AccountId; world: World; person_id: PersonId; email_id: EmailId; opened_at: number }

/** A decision of a person. `time_ms`: how long it took them since they were shown it; null: they had not been. */
type ReviewTimeRow = {
  account_id: AccountId
  world: World
  person_id: PersonId
  email_id: EmailId
  mailbox_id: MailboxId
  action: 'approve' | 'reject'
  is_canary: 0 | 1
  time_ms: number | null
  decided_at: number
}

type DecisionRow = {
  id: DecisionId
  hold_id: HoldId
  email_id: EmailId
  actor_id: string
  action: 'approve' | 'reject'
  content_hash: string
  reason: string | null
  code: Generated<RejectionCode | null>
  /** 1: of a no that asks for another version */
  redo: Generated<number>
  created_at: number
}

/** Names the one content that may leave (design promise 2). `prepended` is the fixed, listed set of fields put in front, apart from the approved bytes. */
type ReleaseRow = {
  id: ReleaseId
  email_id: EmailId
  content_hash: ContentHash
  kind: 'policy' | 'approval'
  decision_id: DecisionId | null
  /** the policy rule that released it, or null for an approval */
  rule: string | null
  prepended: string
  created_at: number
}

/** One recipient of one released message; ends in exactly one of delivered, bounced, expired, cancelled (design promise 7). */
type DeliveryRow = {
  id: DeliveryId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  email_id: EmailId
  release_id: ReleaseId
  forward_path: string
  domain: string
  state: 'queued' | 'delivered' | 'bounced' | 'expired' | 'cancelled'
  attempts: number
  next_attempt_at: number
  /** while leased: until when, and by which lease; a lapsed lease may be taken again */
  leased_until: number | null
  lease: string | null
  last_reply: string | null
  last_host: string | null
  bounce_class: string | null
  /** 1 when a connection was lost after the message was sent and before its reply: the remote may have it */
  may_be_accepted: number
  /** what goes first among the mail of one mailbox */
  priority: Priority
  queued_at: number
  give_up_at: number
  /** somebody took it back while an attempt was under way: it ends as cancelled unless that attempt delivered it */
  cancel_requested_at: number | null
  cancel_requested_by: string | null
  settled_at: number | null
}

/** What does not leave for now: the deliveries that match every column which is not null. `key` is those columns as text (store/stops.ts). */
type SendingStopRow = {
  key: string
  account_id: AccountId | null
  world: World | null
  mailbox_id: MailboxId | null
  domain: string | null
  actor_id: string
  reason: string | null
  created_at: number
}

/** Written before dialling, completed after (a crash leaves `outcome` null: tried, result unknown). */
type AttemptRow = {
  id: AttemptId
  delivery_id: DeliveryId
  number: number
  host: string | null
  remote_address: string | null
  tls: string | null
  /** what this attempt put in front: DKIM-Signature fields */
  signatures: string | null
  reply: string | null
  outcome: 'delivered' | 'deferred' | 'failed' | null
  started_at: number
  ended_at: number | null
}

/** The outbox: written in the transaction of the thing it tells; becomes webhooks and live updates. `seq` is the order. */
type EventRow = {
  seq: Generated<number>
  id: EventId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId | null
  type: string
  data_json: string
  created_at: number
}

/** `body` is the RFC 8785 text that is hashed; `details_json` holds what names people and can be erased, bound by a salted hash inside `body`. */
type LogEntryRow = {
  seq: number
  id: LogEntryId
  account_id: AccountId | null
  world: World | null
  action: string
  actor_id: string
  resource_type: string
  resource_id: string
  created_at: number
  body: string
  details_json: string | null
  details_salt: string | null
  leaf_hash: string
  chain_hash: string
}

/** One row: where the chain stands. Locked by whoever appends. */
type LogHeadRow = { id: number; next_seq: number; chain_hash: string }

/** A whole subtree of the log (RFC 9162 §2.1): 2^`level` entries, the last of which is `last_seq`. */
type LogSubtreeRow = { last_seq: number; level: number; hash: string }

/** What was signed of the first `size` entries. `chain_hash`: of the last of them. `mailed_at`: when the operator was sent it. */
type LogCheckpointRow = { size: number; note: string; chain_hash: string; created_at: number; mailed_at: Generated<number | null> }

/** Who has written to a mailbox, or been written to, by address in the compared form. */
type CorrespondentRow = {
  mailbox_id: MailboxId
  address: string
  domain: string
  /** emails that were let in */
  received: number
  /** of these, the ones whose author DMARC proved */
  verified: number
  /** emails released to them */
  sent: number
  first_at: number
  last_at: number
}

/** How often a word (hashed) was in what users of the account called spam and not spam, in one world. The token '' counts the emails. */
type SpamTokenRow = { account_id: AccountId; world: World; token: string; spam: number; ham: number }

/** What came from one network prefix in one window of time, over all nodes. */
type VisitorWindowRow = { prefix: string; window_start: number; connections: number; messages: number; bytes: number }

/** A DMARC aggregate report (RFC 9990) or a TLS report (RFC 8460) about a domain of ours. */
type ReceivedReportRow = {
  id: ReportId
  kind: 'dmarc' | 'tls'
  domain: string
  organization: string
  report_id: string
  begin_at: number
  end_at: number
  summary_json: string
  rows_json: string
  /** the email that brought it */
  email_id: EmailId | null
  created_at: number
}

/** A cap of one mailbox's own. `hour`, `day`: messages; `new`: recipients in a day who were not written to before; `most` null: no cap. */
type SendCapRow = { mailbox_id: MailboxId; kind: 'hour' | 'day' | 'new'; most: number | null }

/** Messages that a mailbox handed in, one for each recipient. */
type SendWindowRow = { mailbox_id: MailboxId; window_start: number; messages: number }

/** Whom a mailbox wrote to for the first time, by address in the compared form. */
type FirstContactRow = { mailbox_id: MailboxId; address: string; window_start: number }

/** Messages that left from an address of ours ('': whichever the system takes) on a day (epoch ms / 86,400,000, whole), while it is warming up. */
type SourceDayRow = { source: string; day: number; messages: number }

/** An email to be indexed. A trigger writes it when the email is made, or says something else. */
type SearchQueueRow = { seq: Generated<number>; email_id: EmailId }

/** An email that can be found; `at` is its received_at. Its words are beside it (store/search.ts). */
type SearchEntryRow = { seq: number; email_id: EmailId; at: number }

/** That nothing goes to a destination (`hold`), or only so much (`slow`), and why: the name of a rule, or our own word. */
type PaceMeasureRow = {
  destination: string
  kind: 'hold' | 'slow'
  provider: string
  because: string
  until_at: number
  per_minute: number | null
  connections: number | null
}

/** Whom an account writes to no more in one world. `address` is in the compared form; what follows `reason` is the evidence. */
type SuppressionRow = {
  id: SuppressionId
  account_id: AccountId
  world: World
  address: string
  reason: SuppressionReason
  mailbox_id: MailboxId | null
  email_id: EmailId | null
  delivery_id: DeliveryId | null
  created_at: number
  /** null: until somebody takes it off */
  expires_at: number | null
}

/** A final failure of a class that suppresses only when it comes again. `address` is in the compared form. */
type AddressFailureRow = {
  delivery_id: DeliveryId
  account_id: AccountId
  world: World
  address: string
  class: string
  failed_at: number
}

/** What became of a mailbox's mail on one day (epoch ms / 86,400,000, whole). */
type MailboxDayRow = { mailbox_id: MailboxId; day: number; delivered: number; bounced: number; complained: number }

/** How far its bounces and complaints have gone; a mailbox without a row stands well. `reason` is in plain words, for people. */
type MailboxStandingRow = { mailbox_id: MailboxId; tier: EnforcementTier; reason: string; since: number }

/** 32 random bytes in hex under a name; made once, and never shown. */
type InstallationSecretRow = { name: string; secret: string; created_at: number }

/** What a domain's policy said when it was fetched (RFC 8461). `mx_json`: JSON array of patterns. */
type StsPolicyRow = {
  domain: string
  policy_id: string
  mode: 'enforce' | 'testing' | 'none'
  mx_json: string
  fetched_at: number
  expires_at: number
  /** when mail last asked for it; a day late at most */
  used_at: Generated<number>
}

/** Sessions of one day (epoch ms / 86,400,000, whole) with one host, by what came of TLS. `result`: '' is success, else in the words of RFC 8460 §4.3. */
type TlsResultRow = {
  day: number
  domain: string
  policy_type: 'tlsa' | 'sts' | 'no-policy-found'
  policy_key: string
  host: string
  result: string
  policy_json: string
  sessions: number
}

/** A report about a day, or why there is none. `unwanted`: nobody asked for it. `places_json`: the places that have answered for good, each with
 *  whether it took the report. */
type TlsReportRow = {
  day: number
  domain: string
  state: 'due' | 'sent' | 'unwanted' | 'failed'
  tries: number
  next_try_at: number
  places_json: Generated<string>
}

/** Trouble of ours that a provider tells us about. `source`: the domain it is about, '' when it is our address; `provider`: '' when it is nobody's.
 *  `reply` is a stranger's words; `link` leads to one who is known to keep a list. */
type AlarmRow = {
  class: string
  source: string
  provider: string
  reply: string
  link: string | null
  count: number
  first_at: number
  last_at: number
}

/** Where an email stands in the lists: above all that came into sight before `visible_at`. */
type EmailPlaceRow = {
  email_id: EmailId
  account_id: AccountId
  world: World
  mailbox_id: MailboxId
  place: number
  visible_at: number
  /** that of the email; the database keeps it so */
  status: EmailStatus
}

/** A mailbox that wants to know whether its mail is opened. */
type NoticingMailboxRow = { mailbox_id: MailboxId; since: number }

/** A mailbox that is told by mail what became of what it sent. */
type NotifiedMailboxRow = { mailbox_id: MailboxId; since: number }

/** How often an image with this token (SHA-256 of it) was asked for; at most once a minute is counted. */
type OpenRow = { token_hash: string; email_id: EmailId; count: Generated<number>; first_at: number | null; last_at: number | null }

/** A call that was made with an idempotency key: one for each API key and its word. `answered_at` null: under way, or its answer was lost;
 *  `answer_json` null as well when there is an answer that is not kept. */
type IdempotentCallRow = {
  key_id: KeyId
  idempotency_key: string
  account_id: AccountId
  world: World
  operation: string
  /** SHA-256 of the operation and its input */
  request_hash: string
  created_at: number
  expires_at: number
  answered_at: number | null
  answer_json: string | null
}

/** What a mailbox handed in lately, by SHA-256 of what it says and to whom. `email_id`: the latest that said it. */
type RecentSubmissionRow = { mailbox_id: MailboxId; content_digest: string; email_id: EmailId; at: number }

/** Messages (one for each recipient) that an account handed in within a month: the first moment of the month in UTC. */
type MonthlyMessagesRow = { account_id: AccountId; world: World; month_start: number; messages: number }
type EmailTagRow = { email_id: EmailId; key: string; value: string; account_id: AccountId; world: World; set_at: number }

/** `address` is in the compared form, `email` as it was written. `search_text`: what a search looks in, in lower case. */
type ContactRow = {
  id: ContactId
  account_id: AccountId
  world: World
  address: string
  email: string
  name: string
  /** JSON array of text */
  tags_json: string
  /** JSON object of text, numbers and booleans */
  metadata_json: string
  search_text: string
  created_at: number
  updated_at: number
}

/** How often something happened on one day (epoch ms / 86,400,000, whole). */
type UsageDayRow = { account_id: AccountId; world: World; day: number; event: string; count: number }

/** Up to which entry the log is summed up in `usage_days`. */
type UsageMarkRow = { id: number; seq: number }

/** What a caller told the operator. */
type IssueRow = { id: IssueId; account_id: AccountId; world: World; key_id: KeyId; title: string; body_json: string; created_at: number }

/** Who is told of events over HTTPS. `events_json`: JSON array of event types, `message.*` and the like, or `*`. Deliveries to one webhook are made one
 *  after the other: `lease` is held by whoever makes one. */
type WebhookRow = {
  id: WebhookId
  account_id: AccountId
  world: World
  /** `mailbox`, `oversight`: stands behind a url of a mailbox */
  kind: 'subscription' | 'mailbox' | 'oversight'
  /** null: events of the whole account */
  mailbox_id: MailboxId | null
  url: string
  events_json: string
  /** as text: it has to sign */
  secret: string
  /** signs as well until `previous_until` */
  previous_secret: string | null
  previous_until: number | null
  /** 64 hexadecimal digits: the private half of an Ed25519 key (RFC 8032 §5.1.5) */
  signing_seed: string
  is_enabled: number
  /** why not: somebody asked for it, it answered 410, it failed for too long */
  disabled_reason: 'asked' | 'gone' | 'failing' | null
  /** of the first failure since it last answered well */
  failing_since: number | null
  /** nothing is brought before */
  next_attempt_at: number
  leased_until: number | null
  lease: string | null
  created_at: number
  updated_at: number
}

/** One event for one webhook; a trigger on `events` makes them. Those of one webhook are delivered in the order of `seq`. */
type WebhookDeliveryRow = {
  seq: Generated<number>
  id: WebhookDeliveryId
  account_id: AccountId
  world: World
  webhook_id: WebhookId
  event_id: EventId
  event_type: string
  /** where the last attempt went, or the next will go */
  url: string
  state: 'pending' | 'delivered' | 'failed'
  /** counted before they are made */
  attempts: Generated<number>
  /** 1: nobody was asked, as in the test world */
  is_simulated: Generated<number>
  /** asked for again by hand: the delivery it repeats, when it repeats one */
  replay_of: WebhookDeliveryId | null
  response_status: number | null
  /** the beginning of what they answered; their words */
  response_text: string | null
  /** why there was no answer, in our words */
  trouble: string | null
  created_at: number
  last_attempt_at: number | null
  settled_at: number | null
}

/** An answer that a caller got: `packed` is its RFC 8785 form, deflated, and `size` how many octets that has. */
type KeptViewRow = { account_id: AccountId; world: World; view_hash: string; size: number; packed: Uint8Array; last_given_at: number }

export type Row<T extends keyof Database> = Selectable<Database[T]>
export type NewRow<T extends keyof Database> = Insertable<Database[T]>
