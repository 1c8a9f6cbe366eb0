import { z } from 'zod'
import { type EmailRow, emailToChange } from '../store/emails.ts'
import { emailEntry, tenancyOf } from '../store/email-record.ts'
import type { Db, Tx } from '../store/db.ts'
import { type Tag, deleteTag, deleteTags, putTags, tagsOf } from '../store/email-tags.ts'
import { appendLog } from '../store/log.ts'
import { readableEmail } from './access.ts'
import { OperationError } from './errors.ts'
import { EmailRef, MailboxRef, TagKey, TagValue } from './input.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { Tags } from './views.ts'
import { mayRead } from './visibility.ts'

const mostTags = 50

const Named = z.strictObject({ email_id: EmailRef, mailbox_id: MailboxRef.exactOptional() })
const Tagged = z.strictObject({ email_id: z.string(), tags: Tags })

export const tagsView = async (db: Db, email: EmailRow): Promise<Tags> => viewOf(await tagsOf(db, email.id))
const viewOf = (tags: readonly Tag[]): Tags => Object.fromEntries(tags.map(({ key, value }) => [key, value]))

export const get_tags = operation({
  scope: 'read',
  title: 'Read the tags of an email',
  description: 'Returns what was written on an email with set_tags, as keys and values. read_email has the same beside the text.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_id: '{email_id}' } }],
  rest: ['GET /get_tags', 'GET /v1/mailboxes/{mailbox_id}/emails/{email_id}/tags'],
})
  .input(Named)
  .output(Tagged)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const email = await readableEmail(tx, ctx.actor, input.email_id, input.mailbox_id)
      const view = { email_id: email.id, tags: await tagsView(tx, email) }
      const metadata = { mailbox_id: email.mailbox_id }
      await recordRead(tx, ctx, { action: 'tags.read', resourceType: 'email', resourceId: email.id, view, metadata })
      return view
    }),
  )

export const set_tags = operation({
  scope: 'send',
  title: 'Tag an email',
  description:
    'Writes keys and values of your own on an email, for example {"project": "apollo"}. Other tags of it stay, unless replace is true. ' +
    'check_inbox finds emails by a tag. Nobody outside sees tags.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email_id: '{email_id}', tags: { topic: 'orders' } } }],
  rest: ['POST /set_tags', 'PUT /v1/mailboxes/{mailbox_id}/emails/{email_id}/tags'],
})
  .input(
    Named.extend({
      tags: z.record(TagKey, TagValue).describe(`At most ${mostTags} on one email; keys up to 64 characters, values up to 256`),
      replace: z.boolean().default(false).describe('Take away all other tags of it'),
    }),
  )
  .output(Tagged)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const email = await readableEmail(tx, ctx.actor, input.email_id, input.mailbox_id)
      // Two that tag it at one time must not pass the limit together.
      await emailToChange(tx, email.id)
      const given = Object.entries(input.tags).map(([key, value]) => ({ key, value }))
      const kept = input.replace ? [] : await tagsOf(tx, email.id)
      if (new Set([...kept, ...given].map(({ key }) => key)).size > mostTags) throw new OperationError('TOO_MANY_TAGS')
      if (input.replace) await deleteTags(tx, email.id)
      await putTags(tx, tenancyOf(email), email.id, given, ctx.rooms.clock.now())
      const tags = mayRead(ctx.actor) ? await tagsView(tx, email) : viewOf(given)
      await onRecord(tx, ctx, email, { action: 'email.tagged', metadata: { replaced: input.replace }, tags: given })
      return { email_id: email.id, tags }
    }),
  )

export const delete_tag = operation({
  scope: 'send',
  title: 'Take a tag off an email',
  description: 'Takes one tag off an email, by its key. "deleted" is false when it had no such tag.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { email_id: '{email_id}', key: 'topic' } }],
  rest: ['POST /delete_tag', 'DELETE /v1/mailboxes/{mailbox_id}/emails/{email_id}/tags/{key}'],
})
  .input(Named.extend({ key: TagKey }))
  .output(z.strictObject({ deleted: z.boolean() }))
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const email = await readableEmail(tx, ctx.actor, input.email_id, input.mailbox_id)
      const deleted = await deleteTag(tx, email.id, input.key)
      if (deleted) await onRecord(tx, ctx, email, { action: 'email.untagged', tags: [{ key: input.key }] })
      return { deleted }
    }),
  )

/** What was written may name people, so it is kept where it can be erased. */
const onRecord = (
  tx: Tx,
  { actor, rooms }: Call,
  email: EmailRow,
  done: { action: 'email.tagged' | 'email.untagged'; metadata?: { replaced: boolean }; tags: { key: string; value?: string }[] },
): Promise<void> =>
  appendLog(tx, {
    ...emailEntry(email, actor, rooms.clock.now()),
    action: done.action,
    metadata: { mailbox_id: email.mailbox_id, count: done.tags.length, ...done.metadata },
    details: { tags: done.tags },
  })
