import { type EmailRow, notArrived, untouched } from '../../server/store/emails.ts'

type Needed = Pick<EmailRow, 'id' | 'account_id' | 'world' | 'mailbox_id' | 'thread_id'>

/** An email that arrived from Bo at `now` (epoch ms), with nothing odd about it; a test says only what it is about. */
export const plainEmail = (now: number, facts: Needed & Partial<EmailRow>): EmailRow => ({
  direction: 'inbound',
  status: 'unread',
  message_id: null,
  in_reply_to: null,
  references_json: '[]',
  subject: 'Hello',
  from_address: 'bo@remote.test',
  from_name: null,
  reply_to_json: '[]',
  to_json: '[]',
  cc_json: '[]',
  bcc_json: '[]',
  reverse_path: 'bo@remote.test',
  forward_paths_json: '[]',
  sent_at: null,
  received_at: now,
  markdown: '',
  extracted: '',
  has_attachments: 0,
  raw_hash: null,
  raw_size: 0,
  content_hash: null,
  ...notArrived,
  flags_json: '[]',
  composer_id: null,
  idempotency_key: null,
  ...untouched,
  created_at: now,
  updated_at: now,
  ...facts,
})
