/** The one catalogue of what can go wrong with a call. Rooms answer with a code; only here does a code get an HTTP status,
 *  a tRPC code, words, and a `fix`: the next thing to do, written so that a model can do it.
 *  A code is never renamed or reused; `docs/errors.md` is this table. */
import type { TRPC_ERROR_CODE_KEY } from '@trpc/server/rpc'
import type { Json } from '../model/canonical.ts'
import { maxRecipients, maxSubjectLength } from '../model/letter-limits.ts'
import type { Result } from '../model/result.ts'

export type ErrorEntry = { http: number; trpc: TRPC_ERROR_CODE_KEY; message: string; fix: string }

export const errors = {
  // who is calling, and may they
  UNAUTHENTICATED: {
    http: 401,
    trpc: 'UNAUTHORIZED',
    message: 'No API key was sent',
    fix: 'Send the header "Authorization: Bearer mm_live_…" (or "X-API-Key").',
  },
  KEY_NOT_ACCEPTED: {
    http: 401,
    trpc: 'UNAUTHORIZED',
    message: 'This API key is not accepted: it is malformed, unknown, expired or revoked',
    fix: 'Check the key for missing characters, or ask the operator for a new one. Do not retry with the same key.',
  },
  SCOPE_MISSING: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This key lacks a scope',
    fix: 'Ask the operator for a key that has this scope. Retrying with this key will not help.',
  },
  KEY_BOUND: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This key is bound to some mailboxes, and what you asked for spans the account',
    fix: 'Use a key of the account that is not bound to mailboxes.',
  },
  TEST_KEY_ONLY: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This can be done in the test world only',
    fix: 'Use a key that begins with mm_test_, and a mailbox of the test world.',
  },
  ORIGIN_NOT_ALLOWED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'Requests from web pages of this origin are not allowed',
    fix: 'Call from a program instead of a web page, or have the operator set the public URL to this origin.',
  },

  // what was asked
  BAD_JSON: {
    http: 400,
    trpc: 'PARSE_ERROR',
    message: 'The request body is not valid JSON',
    fix: 'Send one JSON object, encoded as UTF-8, with the header "Content-Type: application/json".',
  },
  BAD_HTTP: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The request is not valid HTTP, or its header is too large or came too slowly',
    fix: 'Send the request again with an ordinary HTTP/1.1 client.',
  },
  BAD_INPUT: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The input is not valid',
    fix: 'Correct the fields listed in "errors" and send the request again. The fields of every operation are in /openapi.json.',
  },
  BAD_CURSOR: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The cursor is not one this server gave out',
    fix: 'Restart the listing without a cursor, then pass each answer’s "cursor" on unchanged.',
  },
  MAILBOX_REQUIRED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This key has more than one mailbox, so the call must name one',
    fix: 'Call list_mailboxes and pass one id or address as mailbox_id.',
  },
  HTML_NOT_ACCEPTED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The body holds HTML, and mail is written in Markdown here',
    fix: 'Write the text in Markdown, without HTML tags.',
  },
  BODY_TOO_LARGE: {
    http: 413,
    trpc: 'PAYLOAD_TOO_LARGE',
    message: 'The request body is too large',
    fix: 'Send fewer or smaller attachments.',
  },
  UNSUPPORTED_MEDIA_TYPE: {
    http: 415,
    trpc: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'The request body is not JSON',
    fix: 'Send JSON with the header "Content-Type: application/json".',
  },
  UNKNOWN_ROUTE: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'There is no such route',
    fix: 'See /openapi.json for the routes of this server and their methods.',
  },
  METHOD_NOT_ALLOWED: {
    http: 405,
    trpc: 'METHOD_NOT_SUPPORTED',
    message: 'This route does not take this method',
    fix: 'See /openapi.json for the method of each route. MCP messages are sent by POST.',
  },
  BATCH_TOO_LARGE: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The batch has too many calls',
    fix: 'Send at most 10 calls in one batch.',
  },

  // what is not there, or not in the state for it
  MAILBOX_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Mailbox not found',
    fix: 'Call list_mailboxes for the ids and addresses this key can use.',
  },
  EMAIL_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Email not found',
    fix: 'Call check_inbox for the ids this key can read.',
  },
  THREAD_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Thread not found',
    fix: 'Take the thread_id from check_inbox or read_email.',
  },
  ATTACHMENT_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Attachment not found',
    fix: 'Call read_email and use a name or index from its "attachments".',
  },
  ATTACHMENT_NO_TEXT: {
    http: 415,
    trpc: 'UNSUPPORTED_MEDIA_TYPE',
    message: 'This is no file whose text can be read here',
    fix: 'Text is read from PDF, Office Open XML, OpenDocument, web pages and plain text. For the bytes use download_attachment.',
  },
  ATTACHMENT_ENCRYPTED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This file is encrypted',
    fix: 'Ask whoever sent it for a file without a password. Be careful: who wants to get past a scanner sends such files.',
  },
  ATTACHMENT_UNREADABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The text of this file cannot be read: it is damaged, too large, or made to take too long',
    fix: 'Do not try again with the same file. For the bytes use download_attachment.',
  },
  LINK_NOT_GOOD: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'This link is not good, or not any more',
    fix: 'A link works for an hour, and as long as the key it was made with may read the email. Call get_attachment_url for a new one.',
  },
  REPORT_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Report not found',
    fix: 'Call list_reports for the reports of this account.',
  },
  SUPPRESSION_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'This address is not on the suppression list',
    fix: 'Call list_suppression for the addresses that are.',
  },
  KEY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'API key not found',
    fix: 'Call list_api_keys for the ids of the keys that still work and reach no further than this one.',
  },
  FORBIDDEN_SCOPES: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'No key may hold these scopes together',
    fix: 'Ask for two keys: one that writes, and one with oversight that decides.',
  },
  TOO_MANY_KEYS: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The account has as many working keys as it may have',
    fix: 'Revoke keys that nobody uses; list_api_keys tells when each was last used.',
  },
  REPUTATION_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'No mailbox here has this hash',
    fix: 'Take it from the X-MultiMail-Reputation field of a message, and ask the server that its identity names.',
  },
  READ_ONLY_MAILBOX: {
    http: 403,
    trpc: 'FORBIDDEN',
    // What old clients show of a 403 is this sentence alone (contract §13.1), so the remedy is in it.
    message: 'This mailbox is read_only; request_upgrade asks the operator to change that',
    fix: 'Call request_upgrade with a target_mode. The operator gets a code by mail; call apply_upgrade with the code that the operator gives you. Until then use another mailbox.',
  },
  SENDING_DISABLED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'Too much of what this mailbox sent bounced or drew complaints, so it sends nothing for now',
    fix: 'Do not retry. Tell the operator, who can see with list_mailboxes how it stands and has to find out whom it writes to.',
  },
  UPGRADE_NEEDS_CODE: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'A mailbox gets more autonomy by a code only, which request_upgrade has sent to the operator',
    fix: 'Call request_upgrade with the target_mode. The operator gets a code by mail; call apply_upgrade with the code that the operator gives you.',
  },
  SESSION_TOO_SOON: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'A code for an operator session was asked for moments ago, or too often in this hour',
    fix: 'Wait for as many seconds as retry_after_seconds says, and look for the code that was mailed already.',
  },
  SESSION_CODE_WRONG: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This is not the code that was mailed to the operator',
    fix: 'Take the code from the newest letter. After five wrong ones call start_operator_session again.',
  },
  SESSION_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'There is no such operator session, and no code is awaited',
    fix: 'Call start_operator_session with this key; its code is good for ten minutes. list_operator_sessions has the sessions under way.',
  },
  NOT_SIGNED_IN: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'Nobody is signed in here, or not any more',
    fix: 'Sign in at /session, in a browser. This is for people; programs use an API key and the operations of the API.',
  },
  SIGN_IN_REFUSED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This does not sign anybody in: the code or the passkey is wrong, was used before, or its time is over',
    fix: 'Take the code of the newest letter, in the browser in which you asked for it, or ask for another one. Whoever has lost what they sign in with gets in by multimail people recover, on the host.',
  },
  TOTP_NEEDED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'The code of the authenticator program is needed besides',
    fix: 'Send the same code again, with totp: the six digits that the program shows.',
  },
  TOTP_WRONG: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'These are not the six digits that the authenticator program shows now',
    fix: 'Enter the secret into the program, see that the clock of the telephone is right, and send the six digits that it shows.',
  },
  SIGN_IN_AGAIN: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'What somebody signs in with is changed within 15 minutes of signing in',
    fix: 'Sign in again at /session, and do it then.',
  },
  FRESH_SIGN_IN_NEEDED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'What waits for two people is approved within 15 minutes of signing in',
    fix: 'Sign in again at /session, by passkey or with a new code, and approve it there.',
  },
  PASSKEY_REFUSED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This passkey cannot be added',
    fix: 'Ask for options again and use them at once, in a browser at the public URL of this server, with an authenticator that asks who you are.',
  },
  PASSKEY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'You have no such passkey',
    fix: 'GET /session/me lists yours.',
  },
  PASSKEYS_UNAVAILABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'Browsers make no passkeys for this server: its public URL has no name, or no https',
    fix: 'Sign in with a mailed code, or have whoever runs the server set MULTIMAIL_PUBLIC_URL to an https address with a name.',
  },
  TOO_MANY_SIGN_INS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'Too many came from this address to sign in',
    fix: 'Wait for as many seconds as retry_after_seconds says.',
  },
  SIGNUP_NOT_ENABLED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'Nobody signs up for an account on this server',
    fix: 'Ask the operator of the server for a key, who makes one on the host with multimail setup or multimail keys create. They can let people sign up with MULTIMAIL_SIGNUP, at a domain that has no catch-all.',
  },
  TOO_MANY_SIGNUPS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This was tried too often within the hour',
    fix: 'Wait for as many seconds as retry_after_seconds says.',
  },
  SIGNUPS_FULL: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    message: 'This server has as many accounts of people who signed up as it may have',
    fix: 'Ask the operator of the server, who can raise MULTIMAIL_SIGNUP_ACCOUNTS.',
  },
  CHALLENGE_NOT_ACCEPTED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This is no solution of a challenge for this sign-up',
    fix: 'Call request_challenge with the same oversight_email, find the number, and call create_account with it within five minutes.',
  },
  CHALLENGE_SPENT: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This challenge has been used already',
    fix: 'Each challenge is good once: call request_challenge for another one. If the first call got no answer, look for the letter.',
  },
  BAD_SLUG: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'Nobody can have this slug',
    fix: 'Take 3 to 40 small letters, digits and hyphens, with a letter or digit at both ends, and no name of whoever runs the server; check_slug tells.',
  },
  SLUG_TAKEN: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'Somebody has this slug, or waits for it',
    fix: 'Take one of the suggestions, or leave the slug out.',
  },
  SIGNUP_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'This code leads to no account',
    fix: 'Take the code for agents from the newest letter: it is good once, for a day, and once more within ten minutes while its key is unused. resend_confirmation sends another one.',
  },
  ALREADY_CONFIRMED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'There is an account with this oversight_email already',
    fix: 'Use the keys of that account, or ask its operator for one.',
  },
  CLAIM_NOT_ACCEPTED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This claim is not accepted: its token or its code is wrong, or its time is over',
    fix: 'Ask the person for the six digits in the letter. After five wrong ones, or a day, register again.',
  },
  CLAIM_USED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This registration has been claimed already',
    fix: 'Use the credential that the first call answered with. It is not kept and cannot be shown again.',
  },
  NOT_AN_UPGRADE: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This is not more autonomy than the mailbox has',
    fix: 'Name a higher target_mode. To lower the mode use update_mailbox.',
  },
  NO_OVERSIGHT_EMAIL: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'There is no address at which the operator of this account can be asked',
    fix: 'Ask the operator to set one on the server, outside of the mailboxes here.',
  },
  TOO_MANY_UPGRADES: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'The operator has been asked three times within the hour for this mailbox',
    fix: 'Wait for as many seconds as retry_after_seconds says. Ask the operator whether they have a code already.',
  },
  UPGRADE_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'No code is awaited for this mailbox',
    fix: 'Call request_upgrade: a code works once, for a day, and until the mode changes.',
  },
  UPGRADE_CODE_WRONG: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This code is wrong',
    fix: 'Ask the operator for the code of the last mail about this mailbox. After five wrong ones call request_upgrade again.',
  },
  ALLOWLIST_ENTRY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'The allow-list of this mailbox has no such entry',
    fix: 'Call list_allowlist for the entries and their ids.',
  },
  ALLOWLIST_PATTERN_IN_USE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This pattern is on the allow-list already',
    fix: 'Nothing has to be done.',
  },
  ALLOWLIST_FULL: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'The allow-list of this mailbox is full',
    fix: 'Remove entries that are not needed, or allow a whole domain with *@domain.',
  },
  ALLOWANCE_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Nothing of this id is allowed for a time in this mailbox, or its time is over',
    fix: 'Call list_allowlist for what is allowed for a time.',
  },
  NOT_ALLOWABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This recipient cannot be allowed for a time',
    fix: 'Decide on each email to it, or ask the operator for an entry of the allow-list (add_allowlist_entry).',
  },
  BAD_MAILBOX_ADDRESS: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'A mailbox cannot have this address',
    fix: 'Give what stands before the @ of an address at a domain of the account, such as sales, or the whole address.',
  },
  ADDRESS_IN_USE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This address is not free',
    fix: 'Choose another address.',
  },
  ADDRESS_RESERVED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This address is not for mailboxes',
    fix: 'Choose another address.',
  },
  MAILBOX_LIMIT: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'The account has as many mailboxes as it may have',
    fix: 'Delete a mailbox that is not needed, or ask whoever runs the server to raise the limit.',
  },
  SCHEDULING_DISABLED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This mailbox sends nothing later',
    fix: 'Leave out send_at, or ask an administrator to set scheduling_enabled with configure_mailbox.',
  },
  NOT_REPLIABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email cannot be replied to or passed on',
    fix: 'Take an email that has arrived, or that has been sent.',
  },
  AUTOMATIC_MESSAGE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'A program wrote this email, and nobody would read an answer',
    fix: 'Do not answer it. If a person has to be told something, write to that person with send_email.',
  },
  NO_MESSAGE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email has no message yet',
    fix: 'A draft is composed when it is sent. Use read_email for its text.',
  },
  NOT_A_DRAFT: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email is not a draft, or not any more',
    fix: 'Look at its status with read_email before doing anything else.',
  },
  NOT_CANCELLABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email can no longer be withdrawn',
    fix: 'Accept that it stays. To correct what was sent, send another email.',
  },
  NOT_SCHEDULED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email does not wait for its time',
    fix: 'Look at its status with read_email. What waits for approval can be withdrawn with cancel_message and written again.',
  },
  NOT_REPLACEABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'No other version can take the place of this email',
    fix: 'Look at it with read_email: only what was rejected, has expired, or still waits for approval can be replaced, once. Leave replaces out to send something else.',
  },
  ALREADY_APPROVED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email has been approved as it is',
    fix: 'Change its send_at only, or withdraw it with cancel_message and write another one.',
  },
  DELIVERY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Delivery not found',
    fix: 'Take the id from list_queue.',
  },
  DELIVERY_NOT_WAITING: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This delivery does not wait',
    fix: 'Look at it with read_email: it has ended, or an attempt is under way just now.',
  },
  NOT_IN_INBOX: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email is not in the inbox and not in quarantine',
    fix: 'If it waits for a reviewer, the reviewer decides on it.',
  },
  IDEMPOTENCY_CONFLICT: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This idempotency key belongs to another call',
    fix: 'Use a new idempotency key for what is new, or repeat the earlier call unchanged.',
  },
  DUPLICATE_EMAIL: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This mailbox handed in the same email less than 60 seconds ago',
    fix: 'Do not send it again: look at the one that is named with read_email. If you do mean to send it twice, give an idempotency_key of its own.',
  },
  IDEMPOTENCY_IN_FLIGHT: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'A call with this idempotency key is under way',
    fix: 'Wait for as many seconds as retry_after_seconds says, then repeat the call unchanged for its answer.',
  },
  IDEMPOTENCY_ANSWER_LOST: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'An earlier call with this idempotency key was begun, most likely done, and its answer was lost',
    fix: 'Look whether it was done. If it was not, repeat it with a new idempotency key.',
  },
  ALREADY_DONE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'An earlier call with this idempotency key did this, and its answer is not kept',
    fix: 'Nothing was done again. Look at what is there; if a secret is lost, revoke what it belongs to and make a new one with a new idempotency key.',
  },

  TOO_MANY_TAGS: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The email would have more than 50 tags',
    fix: 'Take tags off it with delete_tag, or pass replace as true.',
  },
  CONTACT_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Contact not found',
    fix: 'Call search_contacts for the ids of this account.',
  },
  TOO_MANY_CONTACTS: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The address book is full',
    fix: 'Delete contacts that nobody needs with delete_contact, which takes an admin key.',
  },

  DOMAIN_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Domain not found',
    fix: 'Call list_domains for the ids of the domains of this account.',
  },
  BAD_DOMAIN: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'This is not the name of a domain',
    fix: 'Write a name such as example.com, without an address or a path.',
  },
  DOMAIN_NOT_FREE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This domain is here already',
    fix: 'Call list_domains: it may be one of this account. If it is not, ask whoever runs the server.',
  },
  DOMAIN_IN_USE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This domain has or had addresses, and no address is given out twice',
    fix: 'Leave the domain here: without mailboxes it takes no mail. To have its mail elsewhere, change its MX record.',
  },
  TOO_MANY_DOMAINS: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The account has 100 domains, which is as many as it may have',
    fix: 'Delete a domain that was never verified with delete_domain.',
  },
  NO_DNS_HERE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This server is in local mode and asks no DNS',
    fix: 'Ask whoever runs the server to set MULTIMAIL_HOSTNAME.',
  },
  LIVE_KEY_NEEDED: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'A test key changes nothing that the live mail of the account depends on',
    fix: 'Use a live key with the admin scope.',
  },
  BAD_OVERSIGHT_EMAIL: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The operator cannot be asked at this address: it is none, or mail to it comes to this server, where agents may read it',
    fix: 'Ask the operator for an address that is read elsewhere.',
  },
  EXPORT_TOO_SOON: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'An export of this account was begun within the hour',
    fix: 'Go on with the cursor of its last page, or wait for as many seconds as retry_after_seconds says.',
  },
  EXPORT_ENDED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The export that this cursor is of has ended: another was begun, or a day is over',
    fix: 'Begin again: call export_account without a cursor, and pass each answer’s "cursor" on within a day.',
  },
  TOO_MANY_ISSUES: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This account has reported 50 issues within a day',
    fix: 'Tell the operator by other means; the earlier ones are kept.',
  },
  BILLING_NOT_ENABLED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'Billing is not enabled on this server: nobody is charged, and its limits are the operator’s',
    fix: 'Ask the operator for another limit; they set MULTIMAIL_MAILBOX_HOURLY and MULTIMAIL_MAILBOX_DAILY, or those of one mailbox. docs/settings.md has all of them.',
  },

  // what cannot be mailed
  NO_RECIPIENTS: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The email has no recipient',
    fix: 'Name at least one address in to, cc or bcc.',
  },
  TOO_MANY_RECIPIENTS: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The email has too many recipients',
    fix: `Send it to at most ${maxRecipients} addresses, cc and bcc included.`,
  },
  UNSUPPORTED_ADDRESS: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'An address is of a kind that cannot be mailed',
    fix: 'Use an address whose part before the @ is plain US-ASCII without quotes.',
  },
  INVALID_RECIPIENT: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'There is nobody to send this to',
    fix: 'Use send_email and name the recipient.',
  },
  RECIPIENT_SUPPRESSED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'Every recipient is on the suppression list',
    fix: 'Do not send it again. An administrator can look at list_suppression, and take an address off that works and whose owner wants the mail.',
  },
  INVALID_SUBJECT: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The subject is not valid',
    fix: `Write the subject as one line of at most ${maxSubjectLength} characters.`,
  },
  CONTENT_BLOCKED: {
    http: 422,
    trpc: 'UNPROCESSABLE_CONTENT',
    message: 'The email holds something that is never sent from here, such as a private key or an access token',
    fix: 'Take out what is named and send the rest as a new email. If it is meant for this recipient, tell the operator; do not write it in another form.',
  },
  SAME_REVIEWER: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'You have approved this email already, and it needs the approval of others too',
    fix: 'Let another reviewer decide, with a key of their own.',
  },
  POLICY_CHANGED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The policy of this mailbox was changed meanwhile, so nothing was done',
    fix: 'Call get_policy, and ask anew for what you want.',
  },
  BLOCKED_BY_POLICY: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'The policy of this mailbox refuses this email',
    fix: 'Do not send it again, nor in parts: read which rule it was, and tell the operator if it should leave nevertheless.',
  },
  IMITATES_FOOTER: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The text says what only the footer of this server may say: what a person had to do with the email',
    fix: 'Leave that sentence out; it is added with what is true. In a quotation begin its line with >.',
  },
  INVALID_ATTACHMENT: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'An attachment is not valid',
    fix: 'Give each attachment a name, a content_type such as application/pdf, and its content in base64.',
  },
  MESSAGE_TOO_LARGE: {
    http: 413,
    trpc: 'PAYLOAD_TOO_LARGE',
    message: 'The email is too large',
    fix: 'Send a shorter text, or fewer or smaller attachments.',
  },

  // how much
  RATE_LIMITED: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This is more than may be sent right now',
    fix: 'Wait for as many seconds as retry_after_seconds says, then send it again. If it is urgent, ask the operator to raise the limit of the mailbox.',
  },

  TOO_MANY_IDEMPOTENCY_KEYS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This API key used 20000 idempotency keys within 24 hours, and each is remembered for that long',
    fix: 'Make the call without an idempotency key, or wait for as many seconds as retry_after_seconds says.',
  },
  QUOTA_EXCEEDED: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'The monthly quota of this account is used up',
    fix: 'Do not retry before the time that retry_after_seconds says. Mail still arrives; ask the operator to raise the limit if it cannot wait.',
  },
  TOO_MANY_REQUESTS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This is more requests than may be made in a minute',
    fix: 'Wait for as many seconds as retry_after_seconds says, then go on more slowly: the headers of each answer say how many are left.',
  },
  TOO_MANY_ATTEMPTS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'Too many calls with keys that are not accepted came from this address',
    fix: 'Wait for as many seconds as retry_after_seconds says, and use a key that is accepted.',
  },
  TOO_MANY_WAITING: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'As many calls wait, or streams are open, as this key or its account may have at one time',
    fix: 'End some of them, or wait until they end; one call can wait for a whole mailbox, one stream for a whole account.',
  },

  TOO_MANY_LOOKUPS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'This address has looked up ten reputations within the hour',
    fix: 'Wait for as many seconds as retry_after_seconds says. A reputation changes once a day at most.',
  },
  TOO_MANY_DOWNLOADS: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'Too many files were fetched by links from this address within the hour',
    fix: 'Wait for as many seconds as retry_after_seconds says, or fetch the file with an API key.',
  },

  // decisions
  NOT_RELEASED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email was not let go, so there is nothing to prove',
    fix: 'Ask for the receipt of an email that was sent: read_email says how far one is.',
  },
  NOT_SIGNED_YET: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'What happened last is not under a signed checkpoint yet',
    fix: 'Ask again after the time in retry_after_seconds; one is made at most once a minute.',
  },
  RECORD_IN_DOUBT: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    message: 'The log of this server is not what was signed of it, so it proves nothing now',
    fix: 'Tell the operator: there is an alarm, and "multimail audit verify" says where. Asking again does not help before they have looked.',
  },
  CHECKPOINT_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'There is no checkpoint of this size, or it does not cover what you ask for',
    fix: 'Call get_checkpoint without size for the newest.',
  },
  LOG_ENTRY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Entry of the log not found',
    fix: 'Call get_audit_log for the ids of the entries of this account.',
  },
  NOT_PENDING: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email does not wait for a decision',
    fix: 'Call list_pending for those that do.',
  },
  REDO_NOT_POSSIBLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'Arriving mail has no other version',
    fix: 'Approve it or reject it.',
  },
  NOTHING_CHANGED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'The email says that already',
    fix: 'Give another subject or another text, or decide on it as it is with decide_email.',
  },
  EDIT_NOT_POSSIBLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The words of this email cannot be changed',
    fix: 'Approve it or reject it; with redo its agent is asked for another version.',
  },
  NOT_UNDOABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This approval cannot be taken back any more',
    fix: 'Look at it with read_email. What is in the queue can be stopped with cancel_delivery or stop_sending; later approvals can be taken back when the mailbox has an undo_window_seconds.',
  },
  HOLD_EXPIRED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The time to decide on this email is over',
    fix: 'Nothing was sent. Whoever wrote it can submit it again.',
  },
  NOT_RENEWABLE: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'This email cannot be given longer',
    fix: 'Decide on it before its expires_at, or let it expire: whoever wrote it can submit it again.',
  },
  CONTENT_CHANGED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'What waits is not what you looked at',
    fix: 'Call list_pending, look at the email again, and decide with its content_hash.',
  },
  SELF_APPROVAL: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'Nobody approves their own mail',
    fix: 'Let a reviewer decide, with a key that holds oversight and cannot send.',
  },

  // webhooks
  WEBHOOK_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'There is no such webhook',
    fix: 'Call list_webhooks for the ids that exist.',
  },
  WEBHOOK_DELIVERY_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'There is no such delivery to a webhook',
    fix: 'Call list_webhook_deliveries for the ids that exist. What is older than the log is kept is gone.',
  },
  WEBHOOK_URL_REFUSED: {
    http: 400,
    trpc: 'BAD_REQUEST',
    message: 'A webhook may not have this URL',
    fix: 'Use an https:// address of a host on the public internet, without a password in it, on port 443 or 1024 and above.',
  },
  TOO_MANY_WEBHOOKS: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'The account has as many webhooks as it may have',
    fix: 'Delete one with delete_webhook, or let one webhook take several events.',
  },
  EVENT_NOT_KEPT: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'What happened then is not kept any more',
    fix: 'Read the email itself instead.',
  },
  APPROVAL_CODE_WRONG: {
    http: 403,
    trpc: 'FORBIDDEN',
    message: 'This is not the approval code of this call',
    fix: 'Ask the operator for the code of the newest mail about this. After five wrong ones the code is worth nothing, and the call has to be made without approval_code again.',
  },
  APPROVAL_NOT_FOUND: {
    http: 404,
    trpc: 'NOT_FOUND',
    message: 'Nothing with exactly these parameters waits for an approval code of this key',
    fix: 'Repeat the call exactly as it was the first time. If the code was used or its time is over, make it without approval_code to ask the operator again.',
  },
  APPROVAL_TOO_SOON: {
    http: 429,
    trpc: 'TOO_MANY_REQUESTS',
    message: 'The operator was asked just now',
    fix: 'Do not ask again: get the code from the operator and repeat the call with approval_code. A new one can be asked for after as many seconds as retry_after_seconds says.',
  },
  MAIL_REFUSED: {
    http: 409,
    trpc: 'CONFLICT',
    message: 'Arriving mail like this is refused',
    fix: 'The sender would have had this reply. Send a message that is let in, or take the refusal for the result of your test.',
  },

  // the appliance itself
  UNAVAILABLE: {
    http: 503,
    trpc: 'SERVICE_UNAVAILABLE',
    message: 'The server cannot do this right now',
    fix: 'Try again in a minute.',
  },
  INTERNAL: {
    http: 500,
    trpc: 'INTERNAL_SERVER_ERROR',
    message: 'The server failed to answer',
    fix: 'Try again once. If it stays, give the operator the request_id: the log has the cause.',
  },
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof errors

/** One thing wrong with one field; `path` is like `to.0` ('' is the input as a whole). */
export type FieldError = { path: string; message: string }

/** How an operation says no. Thrown inside operations only, for tRPC to carry to whichever door was used. */
export class OperationError extends Error {
  readonly code: ErrorCode
  readonly fields: readonly FieldError[]
  readonly retryAfterMs: number | undefined
  /** further fields of the answer that programs read */
  readonly facts: Readonly<Record<string, Json>>

  /** @param message about this case, for the caller; the catalogue's when left out */
  constructor(
    code: ErrorCode,
    message?: string,
    fields: readonly FieldError[] = [],
    retryAfterMs?: number,
    facts: Readonly<Record<string, Json>> = {},
  ) {
    super(message ?? errors[code].message)
    this.name = 'OperationError'
    this.code = code
    this.fields = fields
    this.retryAfterMs = retryAfterMs
    this.facts = facts
  }
}

/** The value of a room's result, or its failure as an error of this catalogue. */
export function unwrap<T>(result: Result<T, ErrorCode>): T {
  if (result.ok) return result.value
  const message = result.detail && `${errors[result.code].message}. ${result.detail}`
  throw new OperationError(result.code, message, [], result.retryAfterMs, result.facts)
}
