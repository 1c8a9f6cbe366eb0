import { deflateRawSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { sha256 } from '../../server/model/canonical.ts'
import { forgettingViews } from '../../server/operations/kept-view.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Item = {
  action: string
  state: string
  view: string | null
  view_hash: string
  key_id: string
  resource_id: string | null
  seq: number
}
type Seen = { views: Item[]; cursor: string | null; since: { decision: string; email_id: string } | null; keys: { part: string }[] }

describeOnEachEngine('what an agent had seen', (openStore) => {
  const open = async () => {
    const desk = await openDesk(openStore)
    const { keys, gated } = desk.ours
    const seen = async (id: string, more = '', key = keys.reviewer): Promise<Seen> => {
      const { status, body } = await desk.call(key, 'GET', `/what_did_it_see?email_id=${id}${more}`)
      if (status !== 200) throw new Error(JSON.stringify(body))
      return body as unknown as Seen
    }
    const post = async (key: string, path: string, body: object): Promise<string> => {
      const answer = await desk.call(key, 'POST', path, body)
      if (answer.status >= 300) throw new Error(JSON.stringify(answer.body))
      return String(answer.body['id'])
    }
    let sent = 0
    const write = (key = keys.agent, mailbox = gated.id) =>
      post(key, '/send_email', { mailbox_id: mailbox, to: ['bo@example.org'], subject: `Hi ${(sent += 1)}`, markdown: 'Hello' })
    const read = (id: string, key = keys.agent) => desk.call(key, 'GET', `/read_email?email_id=${id}`)
    const list = (key = keys.agent) => desk.call(key, 'GET', '/check_inbox')
    const decide = (id: string, action: string, key = keys.reviewer) =>
      desk.call(key, 'POST', '/decide_email', { email_id: id, action, reason: 'So.' })
    const tick = () => desk.clock.advance(1000)
    return { desk, keys, gated, seen, post, write, read, list, decide, tick }
  }
  const actions = ({ views }: Seen): string[] => views.map(({ action }) => action)

  it('is every answer that its key got before, newest first, each with its hash', async () => {
    const { desk, gated, seen, write, read, list, keys, tick } = await open()
    const email = await desk.receive(gated, { text: 'The code is 8812' })
    await list()
    await read(email.id)
    await list(keys.reader)
    await tick()
    const id = await write()
    await tick()
    await read(email.id)
    const without = await seen(id)
    expect(without).toMatchObject({ since: null, cursor: null, keys: [{ part: 'handed_in' }] })
    expect(actions(without)).toEqual(['email.read', 'inbox.listed'])
    expect(without.views.map(({ view, state }) => [view, state])).toEqual([
      [null, 'kept'],
      [null, 'kept'],
    ])
    const { views } = await seen(id, '&with_views=true')
    for (const { view, view_hash } of views) expect(sha256(view ?? '')).toBe(view_hash)
    expect(views[0]?.view).toContain('The code is 8812')
    expect(views[0]?.resource_id).toBe(email.id)
  })

  it('is told a page at a time', async () => {
    const { seen, write, list, tick } = await open()
    for (let n = 0; n < 5; n += 1) await list()
    await tick()
    const id = await write()
    const first = await seen(id, '&limit=2')
    const second = await seen(id, `&limit=2&cursor=${first.cursor}`)
    const third = await seen(id, `&limit=2&cursor=${second.cursor}`)
    const seqs = [first, second, third].flatMap(({ views }) => views.map(({ seq }) => seq))
    expect(seqs).toEqual(seqs.toSorted((one, other) => other - one))
    expect([new Set(seqs).size, third.cursor]).toEqual([5, null])
  })

  it('is also what the key saw that wrote the draft', async () => {
    const { desk, gated, keys, seen, post, read, tick } = await open()
    const email = await desk.receive(gated)
    await read(email.id, keys.bound)
    await tick()
    const draft = await post(keys.bound, '/draft_reply', { email_id: email.id, markdown: 'Soon.' })
    await tick()
    await desk.call(keys.bound, 'GET', '/check_inbox')
    await desk.call(keys.agent, 'GET', '/check_inbox')
    await tick()
    await post(keys.agent, '/send_email', { draft_id: draft }).catch(() => post(keys.agent, '/reply_email', { draft_id: draft }))
    const answer = await seen(draft)
    expect(answer.keys.map(({ part }) => part)).toEqual(['handed_in', 'drafted'])
    expect(actions(answer)).toEqual(['inbox.listed', 'email.read'])
    expect(new Set(answer.views.map(({ key_id }) => key_id)).size).toBe(2)
  })

  it('begins with the last decision of a reviewer on what that key sent from that mailbox', async () => {
    const { desk, gated, keys, seen, write, read, list, decide, tick } = await open()
    const email = await desk.receive(gated)
    await read(email.id)
    await tick()
    const first = await write()
    await tick()
    await decide(first, 'reject')
    await tick()
    await list()
    await tick()
    // Neither is contact with this agent: mail that was let in, and mail of another key.
    const arriving = await desk.receive(desk.ours.guarded, { status: 'pending_inbound_approval' })
    await decide(arriving.id, 'approve')
    await decide(await write(keys.bound), 'approve')
    await tick()
    const second = await write()
    expect(await seen(second)).toMatchObject({ since: { decision: 'reject', email_id: first } })
    expect(actions(await seen(second))).toEqual(['inbox.listed'])
    // Of what was before it nothing has changed.
    expect(actions(await seen(first))).toEqual(['email.read'])
  })

  it('does not begin with what a test key decided on its own mail', async () => {
    const { desk, seen, write, list, decide, tick } = await open()
    const { test } = desk.ours
    const key = desk.ours.keys.testAdmin
    await list(key)
    await tick()
    const first = await write(key, test.id)
    await tick()
    expect((await decide(first, 'approve', key)).status).toBe(200)
    await tick()
    const second = await write(key, test.id)
    const answer = await seen(second, '', key)
    expect(answer.since).toBeNull()
    expect(actions(answer).at(-1)).toBe('inbox.listed')
  })

  it('says what is damaged, erased or too large, and goes on', async () => {
    const { desk, gated, seen, write, read, list, tick } = await open()
    const { db } = desk.store
    const large = await desk.receive(gated, { text: Array.from({ length: 60_000 }, (_, at) => `${at}`).join(' ') })
    await read(large.id)
    await list()
    await read((await desk.receive(gated, { text: 'gone' })).id)
    await read((await desk.receive(gated, { text: 'bomb' })).id)
    await tick()
    const id = await write()
    const [bomb, gone, listed] = (await seen(id)).views
    const view = (hash: string | undefined) => db.updateTable('kept_views').where('view_hash', '=', String(hash))
    await view(bomb?.view_hash)
      .set({ packed: deflateRawSync(Buffer.alloc(50_000_000)) })
      .execute()
    await view(listed?.view_hash)
      .set({ packed: Buffer.from('nonsense') })
      .execute()
    await db.deleteFrom('kept_views').where('view_hash', '=', String(gone?.view_hash)).execute()
    const { views } = await seen(id, '&with_views=true')
    expect(views.map(({ state, view: shown }) => [state, shown])).toEqual([
      ['damaged', null],
      ['not_kept', null],
      ['damaged', null],
      ['not_kept', null],
    ])
  })

  it('is withheld from a reviewer who does not reach the mailbox it was in', async () => {
    const { desk, gated, seen, write, read, list, tick } = await open()
    await read((await desk.receive(desk.ours.free, { text: 'private' })).id)
    await list()
    await read((await desk.receive(gated, { text: 'ours' })).id)
    await tick()
    const id = await write()
    const bound = await desk.key({ scopes: ['read', 'oversight'], mailboxIds: [gated.id] })
    const { views } = await seen(id, '&with_views=true', bound)
    expect(views.map(({ action, state, resource_id }) => [action, state, resource_id === null])).toEqual([
      ['email.read', 'kept', false],
      ['inbox.listed', 'withheld', true],
      ['email.read', 'withheld', true],
    ])
    expect(JSON.stringify(views)).not.toContain('private')
  })

  it('is kept once, however often it was given, and not of those who only look after others', async () => {
    const { desk, keys, list } = await open()
    for (let n = 0; n < 4; n += 1) await list()
    await list(keys.reviewer)
    await list(keys.admin)
    const rows = await desk.store.db.selectFrom('kept_views').select(['account_id', 'size']).execute()
    expect(rows).toEqual([{ account_id: desk.ours.accountId, size: expect.any(Number) }])
  })

  it('is forgotten after its time, and the oldest first when it is too much', async () => {
    const { desk, gated, read } = await open()
    const { store, clock } = desk
    const hashes = async () =>
      (await store.db.selectFrom('kept_views').select('size').orderBy('last_given_at').execute()).map(({ size }) => size)
    const hour = 3_600_000
    const email = await desk.receive(gated)
    await read(email.id)
    await read((await desk.receive(gated)).id)
    await clock.advance(30 * hour)
    // Given again: its time begins anew.
    await read(email.id)
    await read((await desk.receive(gated)).id)
    await clock.advance(hour)
    await read((await desk.receive(gated)).id)
    const before = await hashes()
    expect(before.length).toBe(4)
    await forgettingViews(store, { keepMs: 20 * hour, most: 1e9 }).work(clock.now())
    expect((await hashes()).length).toBe(3)
    await forgettingViews(store, { keepMs: 20 * hour, most: (before.at(-1) ?? 0) + 10 }).work(clock.now())
    expect(await hashes()).toEqual(before.slice(-1))
    await forgettingViews(store, { keepMs: 0, most: 1e9 }).work(clock.now() + 1)
    expect(await hashes()).toEqual([])
  })

  it('goes with the test world, and stays the other account’s', async () => {
    const { desk, keys, list } = await open()
    await list(keys.test)
    await list()
    await list(desk.theirs.keys.test)
    await desk.call(keys.testAdmin, 'POST', '/reset_sandbox', {})
    const left = await desk.store.db.selectFrom('kept_views').select(['account_id', 'world']).orderBy('world').execute()
    expect(left).toEqual([
      { account_id: desk.ours.accountId, world: 'live' },
      { account_id: desk.theirs.accountId, world: 'test' },
    ])
  })

  it('is nothing for agents', async () => {
    const { desk, keys, write } = await open()
    const id = await write()
    for (const key of [keys.agent, keys.admin]) expect((await desk.call(key, 'GET', `/what_did_it_see?email_id=${id}`)).status).toBe(403)
  })
})
