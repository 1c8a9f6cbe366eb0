/**
 * Two nodes on one database (or two connections to one file) that end the same hold: each pair of ways to end it, in both orders, one of them held still
 * after it has looked, or after it has written and before it commits. One has its way, and there is one release, one delivery for each recipient, and one end on the record.
 */
import { beforeEach, expect, it } from 'vitest'
import { endWebhooks } from '../../server/events/webhooks.ts'
import { changeMailbox } from '../../server/identity/mailboxes.ts'
import { hashOfKey } from '../../server/identity/key-text.ts'
import type { Decider, KeyActor } from '../../server/model/actor.ts'
import type { EmailId, MailboxId } from '../../server/model/ids.ts'
import { newId } from '../../server/model/ids.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { createSubmissions } from '../../server/outbound/submit.ts'
import { createApprovalMail } from '../../server/oversight/approval-mail/approval-mail.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { asMade, insertMailbox } from '../../server/store/mailboxes.ts'
import { addTo, ann, lettersTo, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
const bo = 'bo@elsewhere.example'
type Still = { reached: Promise<void>; letGo(): void }
type When = 'after it has looked' | 'before it commits'

/** A node, whose next transaction can be held still. */
function nodeOn(real: Store, { clock }: Desk) {
  let hold: { when: When; reached: () => void; go: Promise<void> } | null = null
  const transaction: Store['transaction'] = async (work) => {
    const mine = hold
    hold = null
    if (mine?.when === 'after it has looked') {
      mine.reached()
      await mine.go
    }
    return real.transaction(async (tx) => {
      const value = await work(tx)
      if (mine?.when === 'before it commits') {
        mine.reached()
        await mine.go
      }
      return value
    })
  }
  const store: Store = { ...real, transaction }
  const deps = { store, clock, log: silentLog, onReleased: () => undefined, giveUpAfterMs: 120 * hour }
  return {
    approvals: createApprovals({ ...deps, allowTestSelfApproval: false }),
    submissions: createSubmissions({ ...deps, holdExpiryMs: 72 * hour, publicUrl: 'https://mail.ours.test' }),
    approvalMail: createApprovalMail({ store, clock, log: silentLog, publicUrl: 'https://mail.ours.test', sends: true }),
    endMailbox: (text: string, by: KeyActor) => changeMailbox({ store, clock, endMail, endWebhooks }, 'delete', text, 'live', by),
    holdStill(when: When): Still {
      const [reached, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      hold = { when, reached: reached.resolve, go: go.promise }
      return { reached: reached.promise, letGo: go.resolve }
    },
  }
}
type Node = ReturnType<typeof nodeOn>

type Waiting = { id: EmailId; contentHash: string; mailbox: { id: MailboxId; address: string }; token: string; expiresAt: number }
type Outcome = 'approved' | 'rejected' | 'cancelled' | 'expired' | null
/** Does it on a node. @returns how the hold ended, or null when it was too late for that */
type Rival = (node: Node, waiting: Waiting) => Promise<Outcome>

describeOnEachEngine('two nodes', (openStore, { newPlace }) => {
  let desk: Desk
  let nodes: [Node, Node]
  let rivals: Record<string, Rival>

  beforeEach(async () => {
    const place = await newPlace()
    desk = await openDesk(() => openStore(place))
    nodes = [nodeOn(desk.store, desk), nodeOn(await openStore(place), desk)]
    const browser = await signedIn(desk, desk.ours.accountId, bo)
    const who = await desk.people.who(browser.cookies.get('__Host-multimail-session'))
    if (who === null) throw new Error('nobody')
    await addTo(desk, desk.ours.accountId)
    const actorOf = async (key: string): Promise<KeyActor> => {
      const row = await desk.store.db
        .selectFrom('api_keys')
        .select('id')
        .where('secret_hash', '=', hashOfKey(key))
        .executeTakeFirstOrThrow()
      return (await desk.keys.actorOf(row.id)) ?? expect.fail('nobody')
    }
    const [agent, reviewer, admin] = await Promise.all([desk.ours.keys.agent, desk.ours.keys.reviewer, desk.ours.keys.admin].map(actorOf))
    if (agent === undefined || reviewer === undefined || admin === undefined) throw new Error('no keys')
    const decide =
      (actor: Decider, action: 'approve' | 'reject'): Rival =>
      async ({ approvals }, { id: email, contentHash }) => {
        const decided = await approvals.decide(actor, { email, action, contentHash, reason: 'No.' })
        return decided.ok ? (action === 'approve' ? 'approved' : 'rejected') : null
      }
    rivals = {
      'an approval': decide(reviewer, 'approve'),
      'a rejection': decide(reviewer, 'reject'),
      'an approval in a session': decide(desk.people.actorOf(who, 'live'), 'approve'),
      'an approval by a link': async ({ approvals, approvalMail }, { id: email, token, contentHash }) => {
        const found = await approvalMail.find(token)
        if (typeof found === 'string') return null
        const spend = (tx: Parameters<typeof approvalMail.spend>[0]) => approvalMail.spend(tx, found)
        const decided = await approvals.decide(desk.people.actorByMail(found, 'live'), { email, action: 'approve', contentHash, spend })
        return decided.ok ? 'approved' : null
      },
      'its agent, who takes it back': async ({ submissions }, { id: email }) => {
        const taken = await submissions.cancel(agent, { email })
        // Whoever asks again is told that it is so.
        return taken.ok && !taken.value.replayed ? 'cancelled' : null
      },
      'the end of its time': async ({ approvals }, { expiresAt }) =>
        (await approvals.expireDue(expiresAt)).expired > 0 ? 'expired' : null,
      'the end of its mailbox': async ({ endMailbox }, { id, mailbox }) => {
        const ended = await endMailbox(mailbox.address, admin)
        return ended.ok && ended.value.changed && (await cancelledBy(id)) === admin.keyId ? 'cancelled' : null
      },
    }
  })

  const endOf = async (id: EmailId) =>
    (await desk.store.db.selectFrom('holds').select('state').where('email_id', '=', id).executeTakeFirstOrThrow()).state

  const cancelledBy = async (id: EmailId) =>
    (
      await desk.store.db
        .selectFrom('log_entries')
        .select('actor_id')
        .where('resource_id', '=', id)
        .where('action', '=', 'email.cancelled')
        .executeTakeFirst()
    )?.actor_id

  let count = 0
  /** In a mailbox of its own, in the last millisecond of its time, with a link in Ann's mail. */
  async function waiting(): Promise<Waiting> {
    const { store, clock, ours, call } = desk
    const now = clock.now()
    const mailbox = { id: newId('mailbox', now), address: `robot${(count += 1)}@ours.test` }
    const { domain_id } = await store.db
      .selectFrom('mailboxes')
      .select('domain_id')
      .where('id', '=', ours.gated.id)
      .executeTakeFirstOrThrow()
    const of = { account_id: ours.accountId, world: 'live' as const, domain_id, display_name: null, oversight_mode: 'gated_send' as const }
    await store.transaction((tx) => insertMailbox(tx, { ...mailbox, ...of, ...asMade, created_at: now }))
    const letter = {
      mailbox_id: mailbox.id,
      to: ['cy@remote.test'],
      bcc: ['di@remote.test'],
      subject: `Offer ${count}`,
      markdown: 'Hello.',
    }
    const id = (await call(ours.keys.agent, 'POST', '/send_email', letter)).body['id'] as EmailId
    await store.db.updateTable('people').set({ told_at: null }).execute()
    // Each email takes days until it is about to expire, and no session lasts so long.
    await store.db
      .updateTable('person_sessions')
      .set({ seen_at: now, expires_at: now + 100 * hour })
      .execute()
    await desk.approvalMail.jobs[0]?.work(now)
    const [, token = ''] = /\/approve\/([\w-]{43})/.exec((await lettersTo(desk, ann)).at(-1)?.body ?? '') ?? []
    const { content_hash: contentHash, expires_at: expiresAt } = await store.db
      .selectFrom('holds')
      .selectAll()
      .where('email_id', '=', id)
      .executeTakeFirstOrThrow()
    await clock.advance(expiresAt - 1 - now)
    return { id, contentHash, mailbox, token, expiresAt }
  }

  async function expectOneEnd({ id }: Waiting, outcomes: Outcome[], what: string): Promise<void> {
    const { db } = desk.store
    const ended = await endOf(id)
    // Of two approvals one is told that it was too late.
    expect([what, outcomes.filter((one) => one !== null)]).toEqual([what, [ended]])
    const [releases, deliveries, decisions, entries, email] = await Promise.all([
      db.selectFrom('releases').select('id').where('email_id', '=', id).execute(),
      db.selectFrom('deliveries').select(['forward_path', 'state']).where('email_id', '=', id).orderBy('forward_path').execute(),
      db.selectFrom('decisions').select('action').where('email_id', '=', id).execute(),
      db.selectFrom('log_entries').select('action').where('resource_id', '=', id).orderBy('seq').execute(),
      db.selectFrom('emails').select('status').where('id', '=', id).executeTakeFirstOrThrow(),
    ])
    const isApproved = ended === 'approved'
    const ends = entries
      .map(({ action }) => action)
      .filter((one) => ['email.approved', 'email.rejected', 'email.cancelled', 'hold.expired'].includes(one))
    expect([what, releases.length, deliveries.map(({ forward_path }) => forward_path), decisions.length, ends]).toEqual([
      what,
      isApproved ? 1 : 0,
      isApproved ? ['cy@remote.test', 'di@remote.test'] : [],
      isApproved || ended === 'rejected' ? 1 : 0,
      [ended === 'expired' ? 'hold.expired' : `email.${ended}`],
    ])
    const isTakenBack = deliveries.length > 0 && deliveries.every(({ state }) => state === 'cancelled')
    expect([what, email.status]).toEqual([what, isApproved ? (isTakenBack ? 'cancelled' : 'sent') : ended])
  }

  it.each(['after it has looked', 'before it commits'] as const)(
    'that end one hold, one of them held still %s: one has its way',
    { timeout: 240_000 },
    async (when) => {
      for (const [firstName, first] of Object.entries(rivals))
        for (const [secondName, second] of Object.entries(rivals)) {
          const email = await waiting()
          const what = `${firstName} held still ${when}, and ${secondName}`
          const still = nodes[0].holdStill(when)
          const held = first(nodes[0], email)
          await still.reached
          const other = second(nodes[1], email)
          // What has written keeps the other waiting until it commits; what has only looked keeps nobody waiting.
          const outcomes = when === 'after it has looked' ? [await other] : []
          still.letGo()
          expect(await Promise.all([held, other])).toHaveLength(2)
          await expectOneEnd(email, when === 'after it has looked' ? [await held, ...outcomes] : [await held, await other], what)
        }
    },
  )
})
