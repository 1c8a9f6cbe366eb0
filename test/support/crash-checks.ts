/** What must be true of a store whatever happened to the process that used it. */
import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import { findLogKey } from '../../server/record/log-key.ts'
import type { Store } from '../../server/store/db.ts'
import { verifyLog } from '../../server/store/log-verify.ts'

/** The log is one unbroken chain; every content a row names is there, whole; each message that arrived is on the record once and announced once. */
export async function expectSound(store: Store): Promise<void> {
  expect(await verifyLog(store.db, { key: await findLogKey(store.db) })).toMatchObject({ ok: true })
  const emails = await store.db.selectFrom('emails').select(['id', 'direction', 'raw_hash']).execute()
  const attachments = await store.db.selectFrom('attachments').select('blob_hash').execute()
  for (const hash of new Set([...emails.map((email) => email.raw_hash), ...attachments.map((one) => one.blob_hash)])) {
    if (hash !== null) expect(await hashOfBlob(store, hash)).toBe(hash)
  }
  const arrived = emails.filter((email) => email.direction === 'inbound').map((email) => email.id as string)
  expect(await recorded(store)).toEqual(arrived.toSorted())
  expect(await announced(store)).toEqual(arrived.toSorted())
}

async function hashOfBlob(store: Store, hash: string): Promise<string | null> {
  const bytes = await store.blobs.read(store.db, hash)
  return bytes === null ? null : createHash('sha256').update(bytes).digest('hex')
}

async function recorded(store: Store): Promise<string[]> {
  const entries = await store.db.selectFrom('log_entries').select('resource_id').where('action', '=', 'email.received').execute()
  return entries.map((entry) => entry.resource_id).toSorted()
}

async function announced(store: Store): Promise<string[]> {
  const events = await store.db.selectFrom('events').select('data_json').where('type', '=', 'message.received').execute()
  return events.map((event) => (JSON.parse(event.data_json) as { email_id: string }).email_id).toSorted()
}
