import { expect, it } from 'vitest'
import { OperationError } from '../../server/operations/errors.ts'
import type { Call } from '../../server/operations/procedure.ts'
import { createReads } from '../../server/operations/reads.ts'
import { onRecord } from '../../server/operations/record.ts'
import { verifyLog } from '../../server/store/log.ts'
import type { Store } from '../../server/store/db.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

describeOnEachEngine('reads at the same moment', (openStore) => {
  /** As a call of our agent sees the rooms, over a store that counts its transactions. */
  const open = async () => {
    const desk = await openDesk(openStore)
    const counted = { transactions: 0 }
    const store: Store = {
      ...desk.store,
      transaction: (work) => {
        counted.transactions += 1
        return desk.store.transaction(work)
      },
    }
    const actor = await desk.keys.identify(desk.ours.keys.agent)
    const call = { rooms: { reads: createReads(store), clock: desk.clock }, actor, requestId: 'r' } as unknown as Call
    const entries = async () => {
      const rows = await desk.store.db
        .selectFrom('log_entries')
        .select('resource_id')
        .where('resource_type', '=', 'probe')
        .orderBy('seq')
        .execute()
      return rows.map(({ resource_id }) => resource_id)
    }
    return { desk, call, counted, entries }
  }
  const reading = (id: string) => ({ action: 'inbox.listed' as const, resourceType: 'probe', resourceId: id, view: { id } })

  it('share a transaction, and each is on the record when it is answered', async () => {
    const { desk, call, counted, entries } = await open()
    const ids = Array.from({ length: 20 }, (_, at) => `p${at}`)
    const views = await Promise.all(
      ids.map((id) =>
        onRecord(call, async (tx) => {
          await tx.selectFrom('accounts').select('id').execute()
          return reading(id)
        }),
      ),
    )
    expect(views).toEqual(ids.map((id) => ({ id })))
    expect(await entries()).toEqual(ids)
    expect(counted.transactions).toBe(1)
    expect(await verifyLog(desk.store.db)).toMatchObject({ ok: true })
  })

  it('refuse one without the others', async () => {
    const { call, counted, entries } = await open()
    const refused = onRecord(call, () => Promise.reject(new OperationError('EMAIL_NOT_FOUND')))
    const outcomes = await Promise.allSettled([
      onRecord(call, async () => reading('one')),
      refused,
      onRecord(call, async () => reading('two')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    await expect(refused).rejects.toMatchObject({ code: 'EMAIL_NOT_FOUND' })
    expect(await entries()).toEqual(['one', 'two'])
    expect(counted.transactions).toBe(1)
  })

  it('that break break alone: what they changed is undone, and the others are done by themselves', async () => {
    const { desk, call, entries } = await open()
    const broken = onRecord(call, async (tx) => {
      await tx.updateTable('accounts').set({ name: 'spoiled' }).execute()
      await tx
        .selectFrom('no_such_table' as 'accounts')
        .selectAll()
        .execute()
      return reading('never')
    })
    const outcomes = await Promise.allSettled([
      onRecord(call, async () => reading('one')),
      broken,
      onRecord(call, async () => reading('two')),
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(await entries()).toEqual(['one', 'two'])
    expect(await desk.store.db.selectFrom('accounts').select('id').where('name', '=', 'spoiled').execute()).toEqual([])
  })

  it('answer what each was asked, over HTTP', async () => {
    const desk = await openDesk(openStore)
    const { gated, guarded, keys } = desk.ours
    const mail = await desk.receive(gated)
    const paths = [
      '/check_inbox',
      `/check_inbox?mailbox_id=${guarded.id}`,
      '/check_inbox?mailbox_id=nobody@ours.test',
      `/read_email?email_id=${mail.id}`,
    ]
    const answers = await Promise.all(Array.from({ length: 5 }, () => paths.map((path) => desk.call(keys.agent, 'GET', path))).flat())
    const [all, none, nobody, one] = [0, 1, 2, 3].map((at) => answers.filter((_, index) => index % 4 === at))
    for (const { body } of all ?? []) expect(body).toMatchObject({ messages: [{ id: mail.id }] })
    for (const { body } of none ?? []) expect(body).toMatchObject({ messages: [] })
    for (const { status } of nobody ?? []) expect(status).toBe(404)
    for (const { body } of one ?? []) expect(body).toMatchObject({ id: mail.id })
  })
})
