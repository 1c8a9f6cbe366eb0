import { z } from 'zod'
import { addressKey, localPartOf } from '../model/address.ts'
import { isId, newId } from '../model/ids.ts'
import { type ContactRow, contactAt, countContacts, deleteContact, listContacts, putContact } from '../store/contacts.ts'
import { appendLog } from '../store/log.ts'
import { OperationError } from './errors.ts'
import { AddressText, ContactCursor, Limit, PlainText, SearchText, TagKey, TagValue, cursorAt } from './input.ts'
import { operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { mayRead } from './visibility.ts'
import { OutsideText, fromOutside, isoTime } from './views.ts'

const mostContacts = 50_000
const mostTags = 20
const mostMetadata = 20

const Metadata = z.record(TagKey, z.union([TagValue, z.number(), z.boolean()]))

// What agents write down of people often comes out of those people's mail.
export const Contact = z.strictObject({
  id: z.string(),
  email: OutsideText,
  name: OutsideText,
  tags: z.array(z.string()).meta(fromOutside),
  metadata: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).meta(fromOutside),
  created_at: z.string().describe('ISO 8601, UTC'),
  updated_at: z.string().describe('ISO 8601, UTC'),
})

export const contactView = (row: ContactRow): z.infer<typeof Contact> => ({
  id: row.id,
  email: row.email,
  name: row.name,
  tags: JSON.parse(row.tags_json) as string[],
  metadata: JSON.parse(row.metadata_json) as z.infer<typeof Metadata>,
  created_at: isoTime(row.created_at),
  updated_at: isoTime(row.updated_at),
})

export const search_contacts = operation({
  scope: 'read',
  title: 'Search the address book',
  description:
    'Lists the contacts of the account, newest first, or those in whose address, name or tags a text occurs. All keys of the account share one address book.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { query: 'ann' } }],
  rest: ['GET /search_contacts', 'GET /v1/contacts'],
})
  .input(
    z.strictObject({
      query: SearchText.exactOptional().describe('Part of an address, a name or a tag, in any case; left out, all'),
      limit: Limit.default(100),
      cursor: ContactCursor.exactOptional(),
    }),
  )
  .output(z.strictObject({ contacts: z.array(Contact), cursor: z.string().nullable().describe('For the next page; null on the last') }))
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const rows = await listContacts(tx, ctx.actor, {
        limit: input.limit + 1,
        ...(input.query !== undefined && { text: input.query }),
        ...(input.cursor !== undefined && { before: input.cursor }),
      })
      const page = rows.slice(0, input.limit)
      const view = { contacts: page.map(contactView), cursor: rows.length > page.length ? cursorAt(page.at(-1)?.id ?? '') : null }
      const metadata = { contact_ids: page.map(({ id }) => id) }
      await recordRead(tx, ctx, { action: 'contacts.listed', resourceType: 'account', resourceId: ctx.actor.accountId, view, metadata })
      return view
    }),
  )

export const add_contact = operation({
  scope: 'send',
  title: 'Keep a contact',
  description:
    'Adds somebody to the address book of the account. When the address is there already, what you give replaces what it has and the rest stays.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { email: 'ann@example.org', name: 'Ann', tags: ['customer'] } }],
  rest: ['POST /add_contact', 'POST /v1/contacts'],
})
  .input(
    z.strictObject({
      email: AddressText,
      name: PlainText(200).exactOptional().describe('Left out, what stands before the @'),
      tags: z.array(TagKey).max(mostTags).exactOptional(),
      metadata: Metadata.refine((map) => Object.keys(map).length <= mostMetadata, `at most ${mostMetadata} fields`).exactOptional(),
    }),
  )
  .output(Contact)
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor } = ctx
      const [now, address] = [ctx.rooms.clock.now(), addressKey(input.email)]
      const old = await contactAt(tx, actor, address)
      if (old === undefined && (await countContacts(tx, actor)) >= mostContacts) throw new OperationError('TOO_MANY_CONTACTS')
      const name = input.name ?? old?.name ?? localPartOf(input.email)
      const tags_json = input.tags === undefined ? (old?.tags_json ?? '[]') : JSON.stringify([...new Set(input.tags)])
      const row = await putContact(tx, {
        id: old?.id ?? newId('contact', now),
        account_id: actor.accountId,
        world: actor.world,
        address,
        email: input.email,
        name,
        tags_json,
        metadata_json: input.metadata === undefined ? (old?.metadata_json ?? '{}') : JSON.stringify(input.metadata),
        search_text: [address, name, ...(JSON.parse(tags_json) as string[])].join('\n').toLowerCase(),
        created_at: old?.created_at ?? now,
        updated_at: now,
      })
      await appendLog(tx, {
        at: now,
        actor,
        tenancy: actor,
        action: old === undefined ? 'contact.added' : 'contact.changed',
        resourceType: 'contact',
        resourceId: row.id,
        details: { email: row.email, name: row.name },
      })
      if (mayRead(actor)) return contactView(row)
      const { name: givenName = localPartOf(input.email), tags = [], metadata = {} } = input
      return { ...contactView(row), name: givenName, tags: [...new Set(tags)], metadata, created_at: isoTime(now) }
    }),
  )

export const delete_contact = operation({
  scope: 'admin',
  title: 'Delete a contact',
  description: 'Takes somebody out of the address book of the account, for good. Mail from and to them stays.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { contact_id: '{contact_id}' } }],
  rest: ['POST /delete_contact', 'DELETE /v1/contacts/{contact_id}'],
})
  .input(z.strictObject({ contact_id: z.string().min(1).max(64).describe('From search_contacts, e.g. con_01J…') }))
  .output(z.strictObject({ deleted: z.literal(true) }))
  .mutation(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { actor } = ctx
      const { contact_id: id } = input
      if (!isId('contact', id) || !(await deleteContact(tx, actor, id))) throw new OperationError('CONTACT_NOT_FOUND')
      const at = ctx.rooms.clock.now()
      await appendLog(tx, { at, actor, tenancy: actor, action: 'contact.deleted', resourceType: 'contact', resourceId: id })
      return { deleted: true as const }
    }),
  )
