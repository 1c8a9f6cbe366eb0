import { type Kysely, type KyselyPlugin, sql } from 'kysely'
import { expect, it } from 'vitest'
import type { KeyActor } from '../../server/model/actor.ts'
import { newId } from '../../server/model/ids.ts'
import { lookUpTaint } from '../../server/oversight/taint/look-up.ts'
import { insertAttachments } from '../../server/store/attachments.ts'
import { emailsWithFiles } from '../../server/store/shown.ts'
import { entryOf, lastContact, viewsGiven } from '../../server/store/given-views.ts'
import type { Store } from '../../server/store/db.ts'
import type { Database } from '../../server/store/schema.ts'
import { describeOnEachEngine, describeOnOneEngine } from '../support/stores.ts'
import { type Tenant, addEmail, addTenant, keyRow, now } from './rows.ts'

const emails = 20_000

/** A mailbox in which one agent has read for years. */
async function furnish(store: Store): Promise<{ ours: Tenant; actor: KeyActor }> {
  const ours = await addTenant(store, 'ours')
  const { id: keyId } = keyRow(ours)
  const email = await addEmail(store, ours, { markdown: 'Hello', read_at: 1, status: 'read' })
  const numbers = sql`with recursive n (x) as (select 1 union all select x + 1 from n where x < ${sql.lit(emails)})`
  // What is indexed for searching is not what this is about.
  await sql`drop trigger emails_to_search`.execute(store.db)
  const columns = (await store.db.introspection.getTables()).find(({ name }) => name === 'emails')?.columns.map(({ name }) => name) ?? []
  const values = columns.map((name) => (name === 'id' ? sql`printf('em_%026d', x)` : name === 'read_at' ? sql`x` : sql.ref(`e.${name}`)))
  await sql`insert into emails (${sql.join(columns.map((name) => sql.ref(name)))})
    ${numbers} select ${sql.join(values)} from n, emails e where e.id = ${email.id}`.execute(store.db)
  const body = sql`json_object('metadata', json_object())`
  await sql`insert into log_entries (seq, id, account_id, world, action, actor_id, resource_type, resource_id, created_at, body, leaf_hash, chain_hash)
    ${numbers} select x, 'log_' || x, ${ours.accountId}, 'live', case x % 50 when 0 then 'email.read' else 'inbox.listed' end, ${keyId}, 'email',
    printf('em_%026d', x), ${now} + x, ${body}, '', '' from n`.execute(store.db)
  await sql`analyze`.execute(store.db)
  return {
    ours,
    actor: { kind: 'key', keyId, name: 'agent', scopes: ['read', 'send'], mailboxIds: null, accountId: ours.accountId, world: 'live' },
  }
}

type Asked = { sql: string; parameters: readonly unknown[] }

/** Notes what is asked of the store. */
function overheard(db: Kysely<Database>): { db: Kysely<Database>; asked: Asked[] } {
  const asked: Asked[] = []
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      const { sql: text, parameters } = db.getExecutor().compileQuery(node, queryId)
      asked.push({ sql: text, parameters })
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
  return { db: db.withPlugin(plugin), asked }
}

describeOnOneEngine('what an agent was shown', (openStore) => {
  it('costs the same few narrow ranges in a large mailbox, after years of reading', { timeout: 60_000 }, async () => {
    const store = await openStore()
    const { ours, actor } = await furnish(store)
    const { db, asked } = overheard(store.db)
    const mail = {
      threadId: newId('thread', now),
      subject: 'Hi',
      text: 'Hello',
      recipients: ['bo@remote.test'],
      files: [{ name: 'a', hash: 'f'.repeat(64) }],
    }
    const taint = await lookUpTaint(db, actor, ours.mailbox.id, mail)
    expect(taint).toMatchObject({ lookedAtAll: false, sources: expect.any(Number) })
    expect(taint.sources).toBeGreaterThan(40)
    expect(taint.sources).toBeLessThan(130)
    expect(asked.length).toBeLessThanOrEqual(6)
    for (const { sql: text, parameters } of asked) {
      const plan = await sql<{ detail: string }>`explain query plan ${sql.raw(inlined(text, parameters))}`.execute(store.db)
      const steps = plan.rows.map(({ detail }) => detail)
      // A scan is over what a range gave, never over a table or a whole index; nothing is sorted that the index has in order.
      expect(steps.filter((step) => /^SCAN (?!kind_|having_it|counted|ours|\(subquery|CONSTANT)|USE TEMP B-TREE/.test(step))).toEqual([])
      expect(steps.join('\n')).toMatch(/SEARCH/)
    }
    const read = asked.find(({ sql: text }) => text.includes('log_entries'))
    const plan = await sql<{ detail: string }>`explain query plan ${sql.raw(inlined(read?.sql ?? '', read?.parameters ?? []))}`.execute(
      store.db,
    )
    const searches = plan.rows.filter(({ detail }) => detail.startsWith('SEARCH'))
    expect(searches.length).toBeGreaterThan(5)
    for (const { detail } of searches) expect(detail).toContain('log_entries_of_actor (actor_id=? AND action=?')
  })
})

describeOnEachEngine('emails that came with a file', (openStore) => {
  it('are found among those of others and those that were sent', async () => {
    const store = await openStore()
    const [ours, theirs] = [await addTenant(store, 'ours'), await addTenant(store, 'theirs')]
    const hash = 'a'.repeat(64)
    await store.db
      .insertInto('blobs')
      .values({ hash, size: 1, bytes: Buffer.from('x'), created_at: now })
      .execute()
    const withFile = async (tenant: Tenant, direction: 'inbound' | 'outbound') => {
      const { id } = await addEmail(store, tenant, direction === 'inbound' ? {} : { direction, status: 'draft' })
      const row = { id: newId('attachment', now), email_id: id, position: 0, name: 'a', content_type: 'text/plain', size: 1 }
      await store.transaction((tx) => insertAttachments(tx, [{ ...row, blob_hash: hash, content_id: null, is_inline: 0 }]))
      return id
    }
    for (let n = 0; n < 5; n += 1) await withFile(theirs, 'inbound')
    for (let n = 0; n < 5; n += 1) await withFile(ours, 'outbound')
    const id = await withFile(ours, 'inbound')
    expect(await emailsWithFiles(store.db, ours, [hash], 3)).toMatchObject({ found: [{ id, blob_hash: hash }], isCut: false })
    expect(await emailsWithFiles(store.db, ours, [hash], 1)).toMatchObject({ found: [{ id }], isCut: true })
    expect(await emailsWithFiles(store.db, ours, ['b'.repeat(64)], 3)).toEqual({ found: [], isCut: false })
    expect(await emailsWithFiles(store.db, { ...ours, world: 'test' }, [hash], 3)).toEqual({ found: [], isCut: false })
  })
})

describeOnOneEngine('the views that a key was given', (openStore) => {
  it('are narrow ranges as well', { timeout: 60_000 }, async () => {
    const store = await openStore()
    const { ours, actor } = await furnish(store)
    const { db, asked } = overheard(store.db)
    const upTo = { at: now + emails / 2, seq: emails / 2 }
    const range = { keyId: actor.keyId, after: { at: now + 10, seq: 10 }, upTo }
    const given = await viewsGiven(db, [range], { at: upTo.at - 5, seq: upTo.seq - 5 }, 20)
    expect(given.map(({ seq }) => seq)).toEqual(Array.from({ length: 20 }, (_, at) => upTo.seq - 6 - at))
    await entryOf(db, { actorId: actor.keyId, actions: ['email.read'], at: now, emailId: newId('email', now) })
    await lastContact(db, ours.mailbox.id, { keys: [actor.keyId], before: now })
    // Four statements; of two the inner part is told as well.
    expect(asked.length).toBeLessThanOrEqual(6)
    for (const { sql: text, parameters } of asked) {
      const plan = await sql<{ detail: string }>`explain query plan ${sql.raw(inlined(text, parameters))}`.execute(store.db)
      const steps = plan.rows.map(({ detail }) => detail)
      expect(steps.filter((step) => /^SCAN (?!part_|ended|\(subquery|CONSTANT)/.test(step))).toEqual([])
      expect(steps.join('\n')).toMatch(/SEARCH/)
    }
  })
})

/** With its parameters in it, of which each is an id, a hash or a number. */
const inlined = (text: string, parameters: readonly unknown[]): string => {
  let at = 0
  return text.replaceAll('?', () => {
    const value = parameters[at++]
    return typeof value === 'number' ? String(value) : `'${String(value)}'`
  })
}
