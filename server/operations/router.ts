/** Every operation, by the flat name it has on all surfaces; and the list of them that doors loop over. */
import type { z } from 'zod'
import { download_attachment, get_attachment_url } from './attachments.ts'
import { pause_agent } from './pause.ts'
import { get_policy, preview_policy, set_policy } from './policies.ts'
import { allow_recipient, end_allowance } from './allowances.ts'
import { add_allowlist_entry, list_allowlist, remove_allowlist_entry } from './allowlist.ts'
import { read_attachment_text } from './attachment-text.ts'
import { get_audit_log } from './audit.ts'
import { get_checkpoint, get_consistency_proof, get_inclusion_proof, get_receipt } from './record-proofs.ts'
import { read_email } from './emails.ts'
import { check_inbox } from './inbox.ts'
import { create_api_key, list_api_keys, revoke_api_key, rotate_api_key, update_api_key } from './keys.ts'
import { configure_mailbox, delete_mailbox, list_mailboxes, update_mailbox } from './mailboxes.ts'
import { edit_held_email } from './edit-held.ts'
import { decide_email, list_pending, undo_approval } from './oversight.ts'
import { renew_hold } from './renewal.ts'
import { review_email } from './review.ts'
import { what_did_it_see } from './seen.ts'
import { type Context, type OperationMeta, callerFor, router } from './procedure.ts'
import { cancel_message, draft_reply, forward_email, reply_all, reply_email, send_email } from './sending.ts'
import { cancel_delivery, list_queue, retry_delivery } from './queue.ts'
import { resume_sending, stop_sending } from './relay.ts'
import { get_oversight_settings, set_oversight_settings } from './oversight-settings.ts'
import { get_sending_settings, set_sending_settings } from './sending-settings.ts'
import { lift_enforcement } from './standing.ts'
import { get_report, list_reports } from './reports.ts'
import { edit_scheduled_email } from './scheduled.ts'
import { list_spam, manage_spam_status, not_spam, report_spam } from './spam.ts'
import { add_suppression, list_suppression, remove_suppression } from './suppression.ts'
import { activate_account, check_slug, create_account, request_challenge, resend_confirmation } from './signup.ts'
import { setup_multimail } from './help.ts'
import { get_email_raw } from './raw.ts'
import { advance_clock, inject_email, reset_sandbox } from './sandbox.ts'
import { search_emails } from './search.ts'
import {
  end_operator_session,
  get_operator_session,
  list_operator_sessions,
  start_operator_session,
  verify_operator_session,
} from './operator-sessions.ts'
import { add_contact, delete_contact, search_contacts } from './contacts.ts'
import { delete_tag, get_tags, set_tags } from './tags.ts'
import { delete_account, get_account, update_account } from './account.ts'
import { add_domain, delete_domain, get_domain, list_domains, verify_domain } from './domains.ts'
import { cancel_subscription, get_billing_portal, upgrade_plan } from './billing.ts'
import { export_account } from './export.ts'
import { report_issue } from './issues.ts'
import { on_email, on_event, on_pending } from './live.ts'
import { get_thread } from './threads.ts'
import { list_webhook_deliveries, replay_webhook_delivery, replay_webhook_events } from './webhook-deliveries.ts'
import { get_review_report, set_review_report } from './review-report.ts'
import { suggest_upgrade } from './suggestions.ts'
import { apply_upgrade, manage_upgrade, request_upgrade } from './upgrades.ts'
import { create_mailbox } from './create-mailbox.ts'
import {
  create_webhook,
  delete_webhook,
  get_webhook,
  list_webhooks,
  rotate_webhook_secret,
  test_webhook,
  update_webhook,
} from './webhooks.ts'
import { get_usage } from './usage.ts'
import { wait_for_email } from './waiting.ts'
import { wait_for_decision } from './waiting-for-decision.ts'

export const appRouter = router({
  setup_multimail,
  request_challenge,
  check_slug,
  create_account,
  resend_confirmation,
  activate_account,
  report_issue,
  get_account,
  update_account,
  get_usage,
  delete_account,
  export_account,
  upgrade_plan,
  cancel_subscription,
  get_billing_portal,
  list_domains,
  get_domain,
  add_domain,
  verify_domain,
  delete_domain,
  list_mailboxes,
  check_inbox,
  read_email,
  get_thread,
  search_emails,
  get_email_raw,
  wait_for_email,
  wait_for_decision,
  download_attachment,
  get_attachment_url,
  read_attachment_text,
  get_tags,
  search_contacts,
  list_spam,
  list_allowlist,
  report_spam,
  not_spam,
  manage_spam_status,
  set_tags,
  delete_tag,
  add_contact,
  delete_contact,
  draft_reply,
  send_email,
  reply_email,
  reply_all,
  forward_email,
  cancel_message,
  edit_scheduled_email,
  list_pending,
  review_email,
  what_did_it_see,
  decide_email,
  renew_hold,
  allow_recipient,
  end_allowance,
  edit_held_email,
  undo_approval,
  stop_sending,
  resume_sending,
  pause_agent,
  lift_enforcement,
  get_sending_settings,
  set_sending_settings,
  get_oversight_settings,
  set_oversight_settings,
  list_queue,
  retry_delivery,
  cancel_delivery,
  create_mailbox,
  update_mailbox,
  configure_mailbox,
  delete_mailbox,
  list_api_keys,
  create_api_key,
  update_api_key,
  rotate_api_key,
  revoke_api_key,
  suggest_upgrade,
  get_review_report,
  set_review_report,
  request_upgrade,
  apply_upgrade,
  manage_upgrade,
  add_allowlist_entry,
  remove_allowlist_entry,
  get_policy,
  set_policy,
  preview_policy,
  get_audit_log,
  get_checkpoint,
  get_inclusion_proof,
  get_consistency_proof,
  get_receipt,
  list_reports,
  get_report,
  list_suppression,
  add_suppression,
  remove_suppression,
  create_webhook,
  list_webhooks,
  get_webhook,
  update_webhook,
  delete_webhook,
  rotate_webhook_secret,
  test_webhook,
  list_webhook_deliveries,
  replay_webhook_delivery,
  replay_webhook_events,
  inject_email,
  advance_clock,
  reset_sandbox,
  start_operator_session,
  verify_operator_session,
  end_operator_session,
  get_operator_session,
  list_operator_sessions,
  on_email,
  on_pending,
  on_event,
})
export type AppRouter = typeof appRouter
type Procedures = AppRouter['_def']['record']
/** What is asked and answered; subscriptions are for clients of tRPC, and other doors have their own way to them. */
export type OperationName = {
  [Name in keyof Procedures]: Procedures[Name]['_def']['type'] extends 'subscription' ? never : Name
}[keyof Procedures]

/** One operation as a door sees it. */
export type OperationInfo = { name: OperationName; kind: 'query' | 'mutation'; meta: OperationMeta; input: z.ZodType; output: z.ZodType }

/** In the order of the router. */
export const operations: readonly OperationInfo[] = (Object.keys(appRouter._def.procedures) as (keyof Procedures)[])
  .filter(isAnswered)
  .map(infoOf)

function isAnswered(name: keyof Procedures): name is OperationName {
  return appRouter._def.procedures[name]._def.type !== 'subscription'
}

function infoOf(name: OperationName): OperationInfo {
  // tRPC keeps the parsers and types them as `any`, since it takes those of every schema library.
  const { type, meta, inputs, output } = appRouter._def.procedures[name]._def as unknown as {
    type: 'query' | 'mutation'
    meta?: OperationMeta
    inputs: z.ZodType[]
    output?: z.ZodType
  }
  const [input, ...more] = inputs
  if (meta === undefined || input === undefined || output === undefined || more.length > 0)
    throw new Error(`${name} is not a whole operation`)
  return { name, kind: type, meta, input, output }
}

const createCaller = callerFor(appRouter)

/** Does an operation for one call. Throws TRPCError; `problemOf` translates it. @param input as received: the operation parses it */
export async function callOperation(context: Context, name: OperationName, input: unknown, signal?: AbortSignal): Promise<unknown> {
  const call = createCaller(context, signal && { signal })[name] as (input: unknown) => Promise<unknown>
  return call(input)
}
