import { expect, it } from 'vitest'
import { newId } from '../../server/model/ids.ts'
import type { Store } from '../../server/store/db.ts'
import { step } from '../../server/model/life.ts'
import { lifeOf } from '../../server/store/email-life.ts'
import { type EmailRow, moveEmail } from '../../server/store/emails.ts'
import { listEmails } from '../../server/store/listing.ts'
import { lastPlaced, placeOf } from '../../server/store/places.ts'
import { appear } from '../support/appear.ts'
import { describeOnEachEngine, describeOnPostgres } from '../support/stores.ts'
import { type Tenant, addEmail, addTenant } from './rows.ts'

const ids = async (store: Store, tenant: Tenant, after?: number): Promise<string[]> =>
  (await listEmails(store.db, tenant, { mailboxIds: [tenant.mailbox.id], limit: 10, ...(after !== undefined && { after }) })).map(
    ({ id }) => id,
  )

describeOnEachEngine('the places of emails', (open) => {
  it('follow the moments at which emails came into sight, the later ones anew', async () => {
    const store = await open()
    const ours = await addTenant(store, 'ours')
    const [first, second] = [await addEmail(store, ours), await addEmail(store, ours)]
    await store.transaction((tx) => appear(tx, second))
    await store.transaction((tx) => appear(tx, first))
    expect(await ids(store, ours)).toEqual([first.id, second.id])
    const seen = await placeOf(store.db, ours, first.id)
    await store.transaction((tx) => appear(tx, second))
    expect(await ids(store, ours)).toEqual([second.id, first.id])
    expect(await ids(store, ours, seen ?? 0)).toEqual([second.id])
    expect(await lastPlaced(store.db, ours.mailbox.id)).toEqual({ id: second.id, place: await placeOf(store.db, ours, second.id) })
  })

  it('are of one tenant in one world', async () => {
    const store = await open()
    const [ours, theirs] = [await addTenant(store, 'ours'), await addTenant(store, 'theirs')]
    const email = await addEmail(store, ours)
    await store.transaction((tx) => appear(tx, email))
    for (const stranger of [theirs, { ...ours, world: 'test' as const }]) expect(await placeOf(store.db, stranger, email.id)).toBeNull()
    expect(await lastPlaced(store.db, theirs.mailbox.id)).toBeNull()
    expect(await placeOf(store.db, ours, newId('email', 1))).toBeNull()
  })

  it('know the status of their email, whoever changes it', async () => {
    const store = await open()
    const ours = await addTenant(store, 'ours')
    const [read, unread] = [await addEmail(store, ours, { status: 'unread' }), await addEmail(store, ours, { status: 'unread' })]
    for (const email of [read, unread]) await store.transaction((tx) => appear(tx, email))
    const next = step(lifeOf(read, 1), { kind: 'read' })
    if (next.kind === 'refused') throw new Error(next.why)
    await store.transaction((tx) => moveEmail(tx, read.id, next, { updated_at: 1 }))
    const known = await store.db.selectFrom('email_places').select(['email_id', 'status']).orderBy('place').execute()
    expect(known).toEqual([
      { email_id: read.id, status: 'read' },
      { email_id: unread.id, status: 'unread' },
    ])
    const listed = await listEmails(store.db, ours, { mailboxIds: null, statuses: ['unread'], limit: 10 })
    expect(listed.map(({ id }) => id)).toEqual([unread.id])
  })
})

describeOnPostgres('places of transactions that end in another order than they began', (open) => {
  it('are in the order in which they ended', async () => {
    const store = await open()
    const ours = await addTenant(store, 'ours')
    const [slow, fast] = [await addEmail(store, ours), await addEmail(store, ours)]
    let goOn = (): void => undefined
    const held = new Promise<void>((resolve) => (goOn = resolve))
    const begun = Promise.withResolvers<void>()
    const late = store.transaction(async (tx) => {
      await touched(tx, slow)
      begun.resolve()
      await held
      await appear(tx, slow)
    })
    await begun.promise
    await store.transaction((tx) => appear(tx, fast))
    const seen = (await lastPlaced(store.db, ours.mailbox.id))?.place
    goOn()
    await late
    expect(await ids(store, ours, seen)).toEqual([slow.id])
  })

  const touched = (tx: Parameters<Parameters<Store['transaction']>[0]>[0], email: EmailRow) =>
    tx.updateTable('emails').set({ subject: 'Begun' }).where('id', '=', email.id).execute()
})
