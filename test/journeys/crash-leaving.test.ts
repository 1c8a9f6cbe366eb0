import { dkimVerify } from 'mailauth/lib/dkim/verify.js'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { type Zone, createZoneResolver, forMailauth } from '../../dns/resolver.ts'
import { createRotation } from '../../server/identity/dkim-rotation.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import type { Answer, Appliance } from '../support/child-appliance.ts'
import { expectSound } from '../support/crash-checks.ts'
import { type Remote, startRemote } from '../support/crash-remote.ts'
import { publish } from '../support/dns-zone.ts'
import { createPremises, type Premises } from '../support/premises.ts'

const hourMs = 3_600_000

const names: Zone = {
  'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] },
  'mx.remote.test': { A: ['127.0.0.1'] },
  // Its host does not listen.
  'away.test': { MX: [{ priority: 10, exchange: 'mx.away.test' }] },
  'mx.away.test': { A: ['127.0.0.98'] },
  // The first of its hosts does not.
  'two-hosts.test': {
    MX: [
      { priority: 10, exchange: 'away.two-hosts.test' },
      { priority: 20, exchange: 'mx.two-hosts.test' },
    ],
  },
  'away.two-hosts.test': { A: ['127.0.0.99'] },
  'mx.two-hosts.test': { A: ['127.0.0.1'] },
}

// Each is several starts of the whole appliance, which a busy machine takes its time for.
const timeoutMs = 120_000

suite('sqlite')
suite('postgres')

function suite(engine: Engine): void {
  describe.skipIf(engine === 'postgres' && inject('postgresUrl') === null)(
    `an appliance on ${engine}, killed while mail leaves`,
    { timeout: timeoutMs },
    () => {
      let remote: Remote
      let premises: Premises
      let appliance: Appliance | null = null
      let ahead = 0
      // The subjects that a person, or the policy of an autonomous mailbox, let go. No other may ever be seen outside.
      const released = new Set<string>()

      beforeAll(async () => {
        remote = await startRemote('mx.remote.test')
        premises = await createPremises({ engine, remotePort: remote.port, names })
      })
      afterAll(async () => {
        await premises.remove()
        await remote.stop()
      })
      afterEach(() => {
        for (const { raw } of remote.letters()) expect(released).toContain(/^Subject: (.*)\r$/m.exec(raw)?.[1])
      })

      /** Each start is an hour later than the one before: the leases of the dead have lapsed, and what was deferred is due. */
      async function start(more: { laterMs?: number; killAt?: string } = {}): Promise<Appliance> {
        ahead += more.laterMs ?? hourMs
        appliance = await premises.start({ aheadMs: ahead, ...(more.killAt !== undefined && { killAt: more.killAt }) })
        return appliance
      }
      async function stop(): Promise<void> {
        await appliance?.stop()
        appliance = null
      }
      const running = async (): Promise<Appliance> => appliance ?? (await start())

      /** Does something that ends in its death at `step`. */
      async function dyingAt(step: string, act: (appliance: Appliance) => Promise<unknown>): Promise<void> {
        const victim = await running()
        appliance = null
        await victim.killAt(step)
        const [, answer] = await Promise.all([victim.died(), act(victim).catch(String)])
        // Whoever asked may not have heard; a refusal would be another story.
        expect(String(answer)).not.toMatch(/: [45]\d\d \{/)
        await premises.inspect(expectSound)
      }

      const submit = (to: Appliance, subject: string, key = premises.keys.support, more: object = {}): Promise<Answer> =>
        to.post(key, 'send_email', { to: ['bo@remote.test'], subject, markdown: `About *${subject}*.`, idempotency_key: subject, ...more })
      /** By the agent that nobody has to approve. */
      const send = (to: Appliance, subject: string, more: object = {}): Promise<Answer> => {
        released.add(subject)
        return submit(to, subject, premises.keys.robot, more)
      }
      /** Starts only to die at `step`. */
      async function bornToDieAt(step: string): Promise<void> {
        const victim = await start({ killAt: step })
        appliance = null
        await victim.died()
        await premises.inspect(expectSound)
      }
      const held = async (to: Appliance, subject: string): Promise<string[]> => {
        const body = await to.get(premises.keys.reviewer, 'list_pending')
        return (body.messages as { id: string; subject: string }[]).filter((email) => email.subject === subject).map((email) => email.id)
      }
      const decide = async (to: Appliance, subject: string, action: 'approve' | 'reject'): Promise<Answer> => {
        const [email_id] = await held(to, subject)
        if (action === 'approve') released.add(subject)
        return await to.post(premises.keys.reviewer, 'decide_email', { email_id, action })
      }
      const copies = (subject: string): number => remote.letters().filter(({ raw }) => raw.includes(`Subject: ${subject}\r\n`)).length

      it.each([
        { step: 'submission.composed', waiting: 0 },
        { step: 'submission.held', waiting: 1 },
      ])('at $step, sends nothing, and an agent that asks again has asked once', async ({ step, waiting }) => {
        await dyingAt(step, (victim) => submit(victim, step))

        const next = await start()
        expect(await held(next, step)).toHaveLength(waiting)
        await submit(next, step)
        expect(await held(next, step)).toHaveLength(1)
        expect(copies(step)).toBe(0)
        await decide(next, step, 'approve')
        await remote.received(step, 1)
        await settled(next, step)
        expect(copies(step)).toBe(1)
      })

      it('at submission.released, sends what the policy of the mailbox let go', async () => {
        released.add('submission.released')
        await dyingAt('submission.released', (victim) => submit(victim, 'submission.released', premises.keys.robot))
        await settled(await start(), 'submission.released')
        expect(copies('submission.released')).toBe(1)
      })

      it.each(['hold.approved', 'delivery.leased', 'delivery.connected', 'delivery.sending', 'delivery.settled'])(
        'at %s, has delivered the approved message exactly once in the end',
        async (step) => {
          await submit(await running(), step)
          await dyingAt(step, (victim) => decide(victim, step, 'approve'))
          expect(copies(step)).toBe(step === 'delivery.settled' ? 1 : 0)
          await settled(await start(), step)
          expect(await remote.received(`Subject: ${step}\r\n`, 1)).toMatchObject([
            { reversePath: expect.stringMatching(/^b\+.*@ours\.test$/), forwardPaths: ['bo@remote.test'], secure: true },
          ])
        },
      )

      it('at delivery.accepted, delivers twice, and says that it may have', async () => {
        const subject = 'delivery.accepted'
        await submit(await running(), subject)
        await dyingAt(subject, (victim) => decide(victim, subject, 'approve'))
        expect(copies(subject)).toBe(1)
        await settled(await start(), subject)
        const both = await remote.received(`Subject: ${subject}\r\n`, 2)
        // The same message, so that the other side can tell: RFC 1047 asks no more of anybody.
        expect(new Set(both.map(({ raw }) => /^Message-ID: .*$/im.exec(raw)?.[0])).size).toBe(1)
        expect(await premises.inspect((store) => attemptsAt(store, subject))).toEqual([null, 'delivered'])
      })

      it('at delivery.deferred, tries again when the wait is over', async () => {
        const subject = 'delivery.deferred'
        remote.refuseNext(451, '4.3.2 come back later')
        await submit(await running(), subject)
        await dyingAt(subject, (victim) => decide(victim, subject, 'approve'))
        await settled(await start(), subject)
        expect(copies(subject)).toBe(1)
        expect(await premises.inspect((store) => attemptsAt(store, subject))).toEqual(['deferred', 'delivered'])
      })

      it('at hold.rejected, never sends the message', async () => {
        await submit(await running(), 'hold.rejected')
        await dyingAt('hold.rejected', (victim) => decide(victim, 'hold.rejected', 'reject'))
        expect(await inTheEnd('hold.rejected')).toEqual({ status: 'rejected', deliveries: [], copies: 0 })
      })

      it('at hold.expired, never sends the message', async () => {
        await submit(await running(), 'hold.expired')
        await stop()
        const victim = await start({ laterMs: 73 * hourMs, killAt: 'hold.expired' })
        appliance = null
        await victim.died()
        await premises.inspect(expectSound)
        expect(await inTheEnd('hold.expired')).toEqual({ status: 'expired', deliveries: [], copies: 0 })
      })

      it('at delivery.next-host, delivers to the second host, once', async () => {
        const subject = 'delivery.next-host'
        await dyingAt(subject, (victim) => send(victim, subject, { to: ['bo@two-hosts.test'] }))
        await settled(await start(), subject)
        expect(copies(subject)).toBe(1)
        expect(await premises.inspect((store) => attemptsAt(store, subject))).toEqual([null, 'delivered'])
      })

      it('at delivery.paced, has made no attempt, and sends when the host is there', async () => {
        const sender = await running()
        await send(sender, 'unreachable', { to: ['bo@away.test'] })
        await sender.logged('delivery.deferred')
        // Leased and routed; then it is known that the host was not there a moment ago.
        await dyingAt('delivery.paced', (victim) => send(victim, 'paced', { to: ['bo@away.test'] }))
        premises.zone['mx.away.test'] = { A: ['127.0.0.1'] }
        const next = await start()
        await settled(next, 'unreachable')
        await settled(next, 'paced')
        expect([copies('unreachable'), copies('paced')]).toEqual([1, 1])
        expect(await premises.inspect((store) => attemptsAt(store, 'unreachable'))).toEqual(['deferred', 'delivered'])
        expect(await premises.inspect((store) => attemptsAt(store, 'paced'))).toEqual(['delivered'])
      })

      it('at delivery.settled after a refusal, has put the recipient on the list, once, and asks nobody again', async () => {
        const subject = 'refused-for-good'
        remote.refuseNext(550, '5.1.1 No such user')
        await dyingAt('delivery.settled', (victim) => send(victim, subject, { to: ['gone@remote.test'] }))
        expect(await inTheEnd(subject)).toMatchObject({ status: 'sent', deliveries: [{ state: 'bounced' }], copies: 0 })
        expect(await premises.inspect((store) => attemptsAt(store, subject))).toEqual(['failed'])
        expect(await premises.inspect((store) => store.db.selectFrom('suppressions').select('address').execute())).toEqual([
          { address: 'gone@remote.test' },
        ])
        expect(await premises.inspect((store) => bouncesOf(store, subject))).toBe(1)
      })

      const soon = (): string => new Date(Date.now() + ahead + hourMs / 2).toISOString()

      it('at submission.due, sends what was to be sent later, once', async () => {
        await send(await running(), 'later', { send_at: soon() })
        await stop()
        await bornToDieAt('submission.due')
        await settled(await start(), 'later')
        expect(copies('later')).toBe(1)
      })

      it('at submission.due, asks the reviewer once about what was to be approved at its time, and sends nothing before', async () => {
        const subject = 'asked-later'
        await submit(await running(), subject, premises.keys.support, { send_at: soon(), gate_timing: 'schedule_first' })
        await stop()
        await bornToDieAt('submission.due')
        const next = await start()
        expect(await held(next, subject)).toHaveLength(1)
        expect(copies(subject)).toBe(0)
        await decide(next, subject, 'approve')
        await settled(next, subject)
        expect(copies(subject)).toBe(1)
      })

      it('at delivery.sending, signs anew with the keys that sign by then', async () => {
        const subject = 'rotated'
        await dyingAt('delivery.sending', (victim) => send(victim, subject))
        const selectors = await premises.inspect((store) => replaceKeys(store, premises.zone, () => Date.now() + ahead))
        await settled(await start(), subject)
        const [letter] = await remote.received(`Subject: ${subject}\r\n`, 1)
        const resolver = forMailauth(createZoneResolver(premises.zone)) as (name: string, type: string) => Promise<string[][]>
        const signed = { resolver, curTime: new Date(Date.now() + ahead) }
        const { results } = await dkimVerify(Buffer.from(letter?.raw ?? '', 'latin1'), signed)
        expect(results.map((one) => `${one.selector} ${one.status.result}`).toSorted()).toEqual(selectors.map((one) => `${one} pass`))
        expect(copies(subject)).toBe(1)
      })

      // Last, because the store is not sound after it.
      it('at delivery.refused-unreleased, never sends a message that was changed in the store after its approval', async () => {
        const subject = 'one-changed-octet'
        await submit(await running(), subject)
        await dyingAt('hold.approved', (victim) => decide(victim, subject, 'approve'))
        released.delete(subject)
        await premises.inspect((store) => changeOneOctet(store, subject))

        const victim = await start({ killAt: 'delivery.refused-unreleased' })
        appliance = null
        await victim.died()
        await (await start()).logged('delivery.refused-unreleased')
        await stop()
        expect(copies(subject)).toBe(0)
        const [delivery] = await premises.inspect((store) => deliveriesOf(store, subject))
        expect(delivery).toMatchObject({ state: 'cancelled' })
        expect(await premises.inspect((store) => actionsOn(store, delivery?.id))).toContain('delivery.refused')
      })

      /** Waits until every delivery of the message has ended. */
      async function settled(by: Appliance, subject: string): Promise<void> {
        const states = await premises.inspect((store) => deliveriesOf(store, subject))
        expect(states).toHaveLength(1)
        if (states[0]?.state === 'queued') await by.logged('delivery.settled', states[0].email_id)
      }

      /** After one more start, and a stop that waits for what is under way. */
      async function inTheEnd(subject: string): Promise<{ status: string | undefined; deliveries: unknown[]; copies: number }> {
        await start()
        await stop()
        const find = (store: Store) => store.db.selectFrom('emails').select('status').where('subject', '=', subject).executeTakeFirst()
        const email = await premises.inspect(find)
        return {
          status: email?.status,
          deliveries: await premises.inspect((store) => deliveriesOf(store, subject)),
          copies: copies(subject),
        }
      }
    },
  )
}

const deliveriesOf = (store: Store, subject: string) =>
  store.db
    .selectFrom('deliveries')
    .innerJoin('emails', 'emails.id', 'deliveries.email_id')
    .select(['deliveries.id', 'deliveries.state', 'deliveries.email_id'])
    .where('emails.subject', '=', subject)
    .execute()

async function attemptsAt(store: Store, subject: string): Promise<(string | null)[]> {
  const [delivery] = await deliveriesOf(store, subject)
  const rows = await store.db.selectFrom('attempts').select(['outcome', 'delivery_id']).orderBy('number').execute()
  return rows.filter((row) => row.delivery_id === delivery?.id).map((row) => row.outcome)
}

/** How often somebody was told that it bounced. */
async function bouncesOf(store: Store, subject: string): Promise<number> {
  const [delivery] = await deliveriesOf(store, subject)
  const events = await store.db.selectFrom('events').select('data_json').where('type', '=', 'message.bounced').execute()
  return events.filter(({ data_json }) => data_json.includes(`"${delivery?.id}"`)).length
}

/** New keys for our domain, published and in use. @returns the names of their selectors */
async function replaceKeys(store: Store, zone: Zone, now: () => number): Promise<string[]> {
  const policy = { rotateAfterMs: null, algorithms: ['rsa-sha256', 'ed25519-sha256'] as const }
  const clock = { ...systemClock, now }
  const rotation = createRotation({ store, resolver: createZoneResolver(zone), clock, log: silentLog, policy })
  const made = await rotation.rotate('ours.test')
  if (!made.ok) throw new Error(made.code)
  Object.assign(zone, publish(made.value.waitingFor))
  expect(await rotation.rotate('ours.test')).toMatchObject({ ok: true, value: { waitingFor: [] } })
  const keys = await store.db.selectFrom('dkim_keys').select('selector').where('state', '=', 'active').execute()
  return keys.map(({ selector }) => selector).toSorted()
}

async function actionsOn(store: Store, resourceId: string | undefined): Promise<string[]> {
  const entries = await store.db
    .selectFrom('log_entries')
    .select('action')
    .where('resource_id', '=', resourceId ?? '')
    .execute()
  return entries.map((entry) => entry.action)
}

async function changeOneOctet(store: Store, subject: string): Promise<void> {
  const email = await store.db.selectFrom('emails').select('raw_hash').where('subject', '=', subject).executeTakeFirstOrThrow()
  const bytes = Buffer.from((await store.blobs.read(store.db, email.raw_hash ?? '')) ?? '')
  const last = bytes.lastIndexOf('About')
  bytes[last] = 'a'.charCodeAt(0)
  await store.db
    .updateTable('blobs')
    .set({ bytes })
    .where('hash', '=', email.raw_hash ?? '')
    .execute()
}
