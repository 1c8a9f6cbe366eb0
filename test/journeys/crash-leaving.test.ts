import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import type { Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import type { Answer, Appliance } from '../support/child-appliance.ts'
import { expectSound } from '../support/crash-checks.ts'
import { type Remote, startRemote } from '../support/crash-remote.ts'
import { createPremises, type Premises } from '../support/premises.ts'

const hourMs = 3_600_000

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
        const names = { 'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] }, 'mx.remote.test': { A: ['127.0.0.1'] } }
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

      const submit = (to: Appliance, subject: string, key = premises.keys.support): Promise<Answer> =>
        to.post(key, 'send_email', { to: ['bo@remote.test'], subject, markdown: `About *${subject}*.`, idempotency_key: subject })
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
