/**
 * A crash between the yes and the queue: the transaction of a decision is broken off behind each of its statements, and once behind its commit, as a kill or a
 * database that goes away would do. Then the email waits as before, whole, or it is released once, and what would be sent is what was held, octet for octet.
 */
import type { KyselyPlugin } from 'kysely'
import { expect, it, vi } from 'vitest'
import { hashOfKey } from '../../server/identity/key-text.ts'
import type { KeyActor, PersonActor } from '../../server/model/actor.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { findReleased, namedBy } from '../../server/outbound/released.ts'
import { createApprovalMail } from '../../server/oversight/approval-mail/approval-mail.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import type { DecisionInput } from '../../server/oversight/decision.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { claimNext } from '../support/leaving.ts'
import { addTo, ann, lettersTo } from '../support/browser.ts'
import { logKey } from '../support/recorded.ts'
import { verifyLog } from '../../server/store/log-verify.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

// A busy machine takes its time.
vi.setConfig({ testTimeout: 120_000 })

const hour = 3_600_000
const bo = 'bo@elsewhere.example'

class Crash extends Error {}

/** A store whose next transaction breaks off behind its nth statement; with `commit` behind its commit, of which nobody hears. */
function breaking(real: Store, at: number | 'commit'): { store: Store; hasBroken(): boolean } {
  let broken = false
  const transaction: Store['transaction'] = async (work) => {
    let count = 0
    const plugin: KyselyPlugin = {
      transformQuery: ({ node }) => node,
      transformResult: async ({ result }) => {
        count += 1
        if (count !== at) return result
        broken = true
        throw new Crash()
      },
    }
    const value = await real.transaction((tx) => work(tx.withPlugin(plugin)))
    if (at !== 'commit') return value
    broken = true
    throw new Crash()
  }
  return { store: { ...real, transaction }, hasBroken: () => broken }
}

let letters = 0
async function held({ call, ours }: Desk, more: object = {}): Promise<EmailId> {
  const letter = {
    mailbox_id: ours.gated.id,
    to: ['cy@remote.test'],
    bcc: ['di@remote.test'],
    subject: `Offer ${(letters += 1)}`,
    markdown: 'Hello.',
    ...more,
  }
  const { status, body } = await call(ours.keys.agent, 'POST', '/send_email', letter)
  if (status >= 300) throw new Error(JSON.stringify(body))
  return body['id'] as EmailId
}
const actorOf = async ({ store, keys }: Desk, key: string): Promise<KeyActor> => {
  const { id } = await store.db.selectFrom('api_keys').select('id').where('secret_hash', '=', hashOfKey(key)).executeTakeFirstOrThrow()
  return (await keys.actorOf(id)) ?? expect.fail('nobody')
}

/** Everything that hangs on an email, but for what was read of it. */
async function rowsOf({ store: { db } }: Desk, id: EmailId) {
  const [email, hold, decisions, releases, deliveries, entries, events, approvals, links] = await Promise.all([
    db.selectFrom('emails').selectAll().where('id', '=', id).executeTakeFirstOrThrow(),
    db.selectFrom('holds').selectAll().where('email_id', '=', id).execute(),
    db.selectFrom('decisions').selectAll().where('email_id', '=', id).execute(),
    db.selectFrom('releases').selectAll().where('email_id', '=', id).execute(),
    db.selectFrom('deliveries').selectAll().where('email_id', '=', id).execute(),
    db.selectFrom('log_entries').select(['seq', 'body']).where('resource_id', '=', id).orderBy('seq').execute(),
    db.selectFrom('events').select(['seq', 'type']).where('data_json', 'like', `%${id}%`).orderBy('seq').execute(),
    db.selectFrom('hold_approvals').selectAll().where('email_id', '=', id).execute(),
    db.selectFrom('approval_links').selectAll().where('email_id', '=', id).execute(),
  ])
  return { email, hold, decisions, releases, deliveries, entries, events, approvals, links }
}

async function linkTo(desk: Desk, address = ann): Promise<string> {
  await desk.store.db.updateTable('people').set({ told_at: null }).execute()
  await desk.approvalMail.jobs[0]?.work(desk.clock.now())
  return /\/approve\/([\w-]{43})/.exec((await lettersTo(desk, address)).at(-1)?.body ?? '')?.[1] ?? expect.fail('no link')
}

type Way = { more?: object; people?: 2; action: 'approve' | 'reject'; by: 'key' | 'link'; after: string }
const ways: Record<string, Way> = {
  'a yes': { action: 'approve', by: 'key', after: 'sent' },
  'a no': { action: 'reject', by: 'key', after: 'rejected' },
  'a yes by a mailed link': { action: 'approve', by: 'link', after: 'sent' },
  'the second yes of two': { action: 'approve', by: 'key', people: 2, after: 'sent' },
  'a yes to what is sent later': { action: 'approve', by: 'key', more: { send_at: '2026-03-03T09:00:00Z' }, after: 'scheduled' },
}

describeOnEachEngine('a crash in a decision', (openStore) => {
  const open = async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const reviewer = await actorOf(desk, desk.ours.keys.reviewer)
    const another = await actorOf(desk, await desk.key({ scopes: ['read', 'oversight'] }))
    const roomsOn = (store: Store) => ({
      approvals: createApprovals({
        store,
        clock: desk.clock,
        log: silentLog,
        onReleased: () => undefined,
        giveUpAfterMs: 120 * hour,
        allowTestSelfApproval: false,
      }),
      approvalMail: createApprovalMail({ store, clock: desk.clock, log: silentLog, publicUrl: 'https://mail.ours.test', sends: true }),
    })
    /** What waits, and how it is decided on. */
    const prepare = async ({ more, people, by, action }: Way) => {
      const id = await held(desk, more)
      if (people === 2) {
        await desk.store.db.updateTable('holds').set({ people }).where('email_id', '=', id).execute()
        await roomsOn(desk.store).approvals.decide(another, { email: id, action: 'approve' })
      }
      const token = by === 'link' ? await linkTo(desk) : ''
      const decide = async (store: Store): Promise<string> => {
        const { approvals, approvalMail } = roomsOn(store)
        const input: DecisionInput = { email: id, action, reason: 'No.' }
        if (by === 'key') return codeOf(await approvals.decide(reviewer, input))
        const found = await approvalMail.find(token)
        if (typeof found === 'string') return found
        const { person } = found
        const actor: PersonActor = { kind: 'person', accountId: person.account_id, world: 'live', personId: person.id, role: person.role }
        return codeOf(await approvals.decide(actor, { ...input, spend: (tx) => approvalMail.spend(tx, found) }))
      }
      return { id, decide }
    }
    return { desk, prepare }
  }
  const codeOf = (decided: { ok: true } | { ok: false; code: string }): string => (decided.ok ? 'ok' : decided.code)

  async function expectSent(desk: Desk, id: EmailId, contentHash: string | undefined): Promise<void> {
    const { releases, deliveries, decisions } = await rowsOf(desk, id)
    expect([releases.map(({ content_hash }) => content_hash), decisions.length]).toEqual([[contentHash], 1])
    expect(deliveries.map(({ forward_path }) => forward_path).toSorted()).toEqual(['cy@remote.test', 'di@remote.test'])
    const claims = await claimNext(desk.store, { now: desk.clock.now(), leaseMs: hour, limit: 50, lease: id })
    const own = claims.filter(({ email_id }) => email_id === id)
    expect(own).toHaveLength(2)
    for (const claim of own) {
      const released = await findReleased(desk.store, claim, await namedBy(desk.store, claim))
      expect(released).toMatchObject({ ok: true, value: { email: { content_hash: contentHash } } })
    }
  }

  it.each(Object.keys(ways))(
    '%s, broken off behind any of its statements, leaves it waiting whole; then it is done once',
    { timeout: 120_000 },
    async (name) => {
      const { desk, prepare } = await open()
      const way = ways[name] ?? expect.fail(name)
      let at = 0
      for (let hasBroken = true; hasBroken;) {
        at += 1
        const { id, decide } = await prepare(way)
        const before = await rowsOf(desk, id)
        const world = breaking(desk.store, at)
        const said = await decide(world.store).catch((error: unknown) => error)
        hasBroken = world.hasBroken()
        if (hasBroken) {
          expect([at, said]).toEqual([at, expect.any(Crash)])
          expect(await rowsOf(desk, id)).toEqual(before)
          expect([at, await decide(desk.store)]).toEqual([at, 'ok'])
        } else expect(said).toBe('ok')
        expect([at, (await rowsOf(desk, id)).email.status]).toEqual([at, way.after])
        if (way.after === 'sent') await expectSent(desk, id, before.hold[0]?.content_hash)
        else expect((await rowsOf(desk, id)).releases).toEqual([])
      }
      // Each write and each look of a decision was one of them.
      expect(at).toBeGreaterThan(5)
      expect(await verifyLog(desk.store.db, { key: logKey })).toMatchObject({ ok: true })
    },
  )

  it.each(Object.keys(ways))('%s, whose commit nobody heard of, is done; whoever asks again is told so', async (name) => {
    const { desk, prepare } = await open()
    const way = ways[name] ?? expect.fail(name)
    const { id, decide } = await prepare(way)
    const { hold } = await rowsOf(desk, id)
    await expect(decide(breaking(desk.store, 'commit').store)).rejects.toThrow(Crash)
    expect(await decide(desk.store)).toMatch(/NOT_PENDING|over|gone/)
    expect((await rowsOf(desk, id)).email.status).toBe(way.after)
    if (way.after === 'sent') await expectSent(desk, id, hold[0]?.content_hash)
  })
})

/** What is done with a link besides using it once. @returns the paths that are then tried, each of which decides on nothing */
const replays: Record<string, (desk: Desk, id: EmailId, link: string) => Promise<{ paths: string[]; state: string }>> = {
  'after it was used': async (desk, _id, link) => {
    expect(await post(desk, `/approve/${link}`)).toBe(200)
    return { paths: [`/approve/${link}`], state: 'approved' }
  },
  'after a reviewer decided': async (desk, id, link) => {
    await desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: id, action: 'reject', reason: 'No.' })
    return { paths: [`/approve/${link}`], state: 'rejected' }
  },
  'after another person used theirs': async (desk, _id, link) => {
    const other = await linkTo(desk, bo)
    expect(await post(desk, `/approve/${other}`)).toBe(200)
    return { paths: [`/approve/${link}`], state: 'approved' }
  },
  'after its agent took the email back': async (desk, id, link) => {
    await desk.call(desk.ours.keys.agent, 'POST', '/cancel_message', { email_id: id })
    return { paths: [`/approve/${link}`], state: 'cancelled' }
  },
  'after its time': async (desk, _id, link) => {
    await desk.clock.advance(72 * hour)
    return { paths: [`/approve/${link}`], state: 'open' }
  },
  'after the content changed': async (desk, id, link) => {
    await desk.store.db
      .updateTable('holds')
      .set({ content_hash: 'f'.repeat(64) })
      .where('email_id', '=', id)
      .execute()
    return { paths: [`/approve/${link}`], state: 'open' }
  },
  'after what would be sent was changed in the store': async (desk, id, link) => {
    await desk.store.db.updateTable('emails').set({ forward_paths_json: '["thief@evil.test"]' }).where('id', '=', id).execute()
    return { paths: [`/approve/${link}`], state: 'open' }
  },
  'after its person was removed': async (desk, _id, link) => {
    await desk.store.db.updateTable('people').set({ removed_at: desk.clock.now() }).where('address', '=', ann).execute()
    return { paths: [`/approve/${link}`], state: 'open' }
  },
  'by programs that look ahead': async (desk, _id, link) => {
    for (const method of ['GET', 'HEAD', 'GET', 'OPTIONS', 'PUT', 'DELETE']) await fetch(`${desk.url}/approve/${link}`, { method })
    await fetch(`${desk.url}/approve/${link}?action=approve`)
    return { paths: [], state: 'open' }
  },
  'in another form': (_desk, _id, link) =>
    Promise.resolve({
      paths: [
        `/approve/${link}A`,
        `/approve/${link.slice(0, -1)}`,
        `/approve/${link.toUpperCase()}x`,
        `/approve/${link}/`,
        `/approve/%20${link}`,
        '/approve/',
      ],
      state: 'open',
    }),
}
const post = async ({ url }: Desk, path: string): Promise<number> =>
  (await fetch(url + path, { method: 'POST', body: new URLSearchParams({ action: 'approve' }) })).status

describeOnEachEngine('a mailed link', (openStore) => {
  it.each(Object.keys(replays))('%s decides on nothing', async (name) => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    await addTo(desk, desk.ours.accountId, bo)
    const id = await held(desk)
    const link = await linkTo(desk)
    const { paths, state } = (await replays[name]?.(desk, id, link)) ?? expect.fail(name)
    const before = (await rowsOf(desk, id)).releases.length
    for (const path of paths)
      expect([path, await post(desk, path)]).toEqual([path, expect.toSatisfy((status: number) => [404, 409].includes(status))])
    const after = await rowsOf(desk, id)
    expect([after.hold[0]?.state, after.releases.length]).toEqual([state, before])
  })
})
