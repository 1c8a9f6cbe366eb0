import { expect, it } from 'vitest'
import { sha256 } from '../../server/model/canonical.ts'
import { addTo, ann, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { furnishScene } from '../support/scene.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { addWebhook } from '../support/webhooks.ts'

const hour = 3_600_000

type Page = Record<string, unknown> & { part: string | null; cursor: string | null }
type Row = Record<string, unknown>
const parts = ['mailboxes', 'domains', 'people', 'api_keys', 'webhooks', 'allowlist', 'contacts', 'suppressions', 'emails', 'audit_log']

async function page(desk: Desk, key: string, query: string): Promise<Page> {
  const { status, body } = await desk.call(key, 'GET', `/export_account${query}`)
  expect([query.slice(0, 8), status, body['code']]).toEqual([query.slice(0, 8), 200, undefined])
  return body as Page
}

/** Every page of an export, from the first to the last. */
async function pages(desk: Desk, key: string, query = ''): Promise<Page[]> {
  const all = [await page(desk, key, query)]
  for (let cursor = all[0]?.cursor; typeof cursor === 'string'; cursor = all.at(-1)?.cursor)
    all.push(await page(desk, key, `?cursor=${cursor}`))
  return all
}

const rowsIn = (all: readonly Page[], part: string): Row[] => all.flatMap((one) => one[part] as Row[])
const idsIn = (all: readonly Page[], part: string): string[] => rowsIn(all, part).map(({ id }) => String(id))

describeOnEachEngine('the export of an account', (openStore) => {
  it('has everything of it, each once, and nothing of another tenant or world', async () => {
    const desk = await openDesk(openStore)
    const { ours, theirs, store } = desk
    for (const office of [ours, theirs]) {
      await furnishScene(desk, office)
      await desk.receive(office.test, { subject: 'In the sandbox' })
      await addWebhook(desk, office, { mailboxId: office.free.id })
      await desk.clock.advance(61_000)
    }
    await desk.call(ours.keys.admin, 'POST', '/delete_mailbox', { mailbox_id: ours.guarded.id })
    await signedIn(desk, ours.accountId)
    await addTo(desk, theirs.accountId, 'bo@elsewhere.example')
    const all = await pages(desk, ours.keys.admin)
    expect(rowsIn(all, 'people')).toEqual([
      expect.objectContaining({ role: 'reviewer', name: 'Ann', address: ann, has_authenticator_program: false, passkeys: [] }),
    ])
    expect([...new Set(all.map(({ part }) => part))]).toEqual(parts)
    for (const one of all)
      for (const part of parts) if (part !== one.part) expect([one.part, part, one[part]]).toEqual([one.part, part, []])
    expect(all.map(({ account }) => account === null)).toEqual(all.map((_, index) => index > 0))
    expect(all[0]).toMatchObject({ format: 'multimail-export/1', account: { id: ours.accountId, slug: 'ours-test' } })
    const own = async (table: 'emails' | 'contacts' | 'mailboxes' | 'api_keys' | 'webhooks' | 'suppressions' | 'allowlist_entries') => {
      const rows = store.db
        .selectFrom(table as 'contacts')
        .select('id')
        .where('account_id', '=', ours.accountId)
      return (await rows.where('world', '=', 'live').execute()).map(({ id }) => String(id)).toSorted()
    }
    for (const part of ['emails', 'contacts', 'mailboxes', 'api_keys', 'webhooks', 'suppressions'] as const)
      expect([part, idsIn(all, part).toSorted()]).toEqual([part, await own(part)])
    expect(idsIn(all, 'allowlist').toSorted()).toEqual(await own('allowlist_entries'))
    expect(rowsIn(all, 'mailboxes').find(({ id }) => id === ours.guarded.id)).toMatchObject({
      is_active: false,
      deleted_at: expect.any(String),
    })
    const text = JSON.stringify(all)
    for (const other of ['theirs.test', theirs.accountId, 'In the sandbox', 'whsec_']) expect(text).not.toContain(other)
    for (const { secret_hash } of await store.db.selectFrom('api_keys').select('secret_hash').execute())
      expect(text).not.toContain(secret_hash)
    const sandbox = await pages(desk, ours.keys.testAdmin)
    expect(rowsIn(sandbox, 'emails').map(({ subject }) => subject)).toEqual(['In the sandbox'])
    expect(rowsIn(sandbox, 'domains')).toEqual([])
  })

  it('has the log as one chain up to its beginning, and is on the record page by page', async () => {
    const desk = await openDesk(openStore)
    for (let n = 0; n < 110; n++) await desk.receive(desk.ours.gated)
    const all = await pages(desk, desk.ours.keys.admin)
    const entries = rowsIn(all, 'audit_log')
    const seqs = entries.map(({ seq }) => Number(seq))
    expect(seqs).toEqual(seqs.toSorted((one, other) => one - other))
    expect(entries.filter(({ action }) => action === 'email.received')).toHaveLength(110)
    expect(entries.some(({ action }) => action === 'account.exported')).toBe(false)
    expect(all.every((one) => parts.every((part) => (one[part] as Row[]).length <= 100))).toBe(true)
    const { body } = await desk.call(desk.ours.keys.admin, 'GET', '/get_audit_log?limit=100')
    const told = (body['entries'] as Row[]).filter(({ action }) => action === 'account.exported')
    expect(told.map(({ metadata }) => (metadata as Row)['part'])).toEqual(all.map(({ part }) => part).toReversed())
  })

  it('has the messages as they are stored when that is asked for, and no page has more than one large one', async () => {
    const desk = await openDesk(openStore)
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(600_000))
    for (const text of texts) await desk.receive(desk.ours.gated, { text })
    const without = await pages(desk, desk.ours.keys.admin)
    expect(rowsIn(without, 'emails').map(({ raw_base64 }) => raw_base64)).toEqual([null, null, null])
    await desk.clock.advance(hour)
    const all = await pages(desk, desk.ours.keys.admin, '?include_raw=true')
    expect(all.filter(({ part }) => part === 'emails').map(({ emails }) => (emails as Row[]).length)).toEqual([1, 1, 1])
    for (const [index, email] of rowsIn(all, 'emails').entries()) {
      const bytes = Buffer.from(String(email['raw_base64']), 'base64')
      expect(bytes.toString()).toContain(texts[index])
      expect([bytes.length, sha256(bytes)]).toEqual([email['raw_size'], email['raw_sha256']])
    }
  })

  it('can be begun once an hour in each world, by a key of the whole account', async () => {
    const desk = await openDesk(openStore)
    const { keys } = desk.ours
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [desk.ours.gated.id] })
    expect(await desk.call(bound, 'GET', '/v1/export')).toMatchObject({ status: 403, body: { code: 'KEY_BOUND' } })
    const both = await Promise.all([desk.call(keys.admin, 'GET', '/v1/export'), desk.call(keys.admin, 'GET', '/v1/export')])
    expect(both.map(({ status }) => String(status)).toSorted()).toEqual(['200', '429'])
    const again = await desk.call(keys.admin, 'GET', '/v1/export?limit=100&cursor=')
    expect(again.status).not.toBe(200)
    await desk.clock.advance(hour - 1)
    const soon = await desk.call(keys.admin, 'GET', '/v1/export')
    expect(soon).toMatchObject({ status: 429, body: { code: 'EXPORT_TOO_SOON', retry_after_seconds: 1 } })
    expect((await desk.call(keys.testAdmin, 'GET', '/v1/export')).status).toBe(200)
    expect((await desk.call(desk.theirs.keys.admin, 'GET', '/v1/export')).status).toBe(200)
    await desk.clock.advance(1)
    expect((await desk.call(keys.admin, 'GET', '/v1/export')).status).toBe(200)
  })

  it('goes on with its own cursor for a day, and until another is begun', async () => {
    const desk = await openDesk(openStore)
    const { admin, testAdmin } = desk.ours.keys
    const go = (cursor: unknown, key = admin) => desk.call(key, 'GET', `/export_account?cursor=${String(cursor)}`)
    const { cursor } = await page(desk, admin, '')
    expect((await go(cursor)).status).toBe(200)
    // Whoever lost the line asks for the same page again.
    expect((await go(cursor)).body).toEqual((await go(cursor)).body)
    const ended = { status: 409, body: { code: 'EXPORT_ENDED' } }
    for (const key of [testAdmin, desk.theirs.keys.admin]) expect(await go(cursor, key)).toMatchObject(ended)
    const forged = Buffer.from('1:0 0 0 nowhere ').toString('base64url')
    for (const bad of ['x', forged, `${cursor}=`]) expect((await go(bad)).status).toBe(400)
    await desk.clock.advance(hour)
    const { cursor: other } = await page(desk, admin, '')
    expect(await go(cursor)).toMatchObject(ended)
    expect((await go(other)).status).toBe(200)
    await desk.clock.advance(24 * hour)
    expect(await go(other)).toMatchObject(ended)
  })
})
