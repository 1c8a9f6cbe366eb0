import { beforeEach, expect, it } from 'vitest'
import { correspondenceWith, hasWrittenTo, noteReceived, noteSent } from '../../server/store/correspondents.ts'
import type { Store } from '../../server/store/db.ts'
import { createLeaving } from '../support/leaving.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type Tenant, addTenant, now } from './rows.ts'

describeOnEachEngine('correspondents', (openStore) => {
  let store: Store
  let ann: Tenant
  let bea: Tenant

  beforeEach(async () => {
    store = await openStore()
    ann = await addTenant(store, 'ours')
    bea = await addTenant(store, 'theirs')
  })

  const received = (address: string, verified: boolean, at = now, to = ann) =>
    store.transaction((tx) => noteReceived(tx, { mailboxId: to.mailbox.id, address, verified, now: at }))
  const sent = (addresses: string[], at = now) => store.transaction((tx) => noteSent(tx, { mailboxId: ann.mailbox.id, addresses, now: at }))
  const known = (address: string) => correspondenceWith(store.db, [ann.mailbox.id, bea.mailbox.id], address)

  it('are counted by mailbox and address, whatever the case of its letters', async () => {
    await received('Bo@Remote.test', true)
    await received('bo@remote.test', false, now + 5)
    await sent(['BO@remote.test', 'bo@remote.test', 'cy@other.test'], now + 9)
    expect(await known('bO@remote.test')).toEqual(new Map([[ann.mailbox.id, { received: 2, verified: 1, sent: 1 }]]))
    expect(await known('cy@other.test')).toEqual(new Map([[ann.mailbox.id, { received: 0, verified: 0, sent: 1 }]]))
    expect(await known('cy@remote.test')).toEqual(new Map())
    const [row] = await store.db.selectFrom('correspondents').selectAll().where('domain', '=', 'remote.test').execute()
    expect(row).toMatchObject({ address: 'bo@remote.test', first_at: now, last_at: now + 9 })
  })

  it('of one mailbox are not those of another', async () => {
    await received('bo@remote.test', true, now, bea)
    expect(await correspondenceWith(store.db, [ann.mailbox.id], 'bo@remote.test')).toEqual(new Map())
    expect(await correspondenceWith(store.db, [], 'bo@remote.test')).toEqual(new Map())
  })

  it('tell whether a domain was written to', async () => {
    const ask = (domains: string[]) => hasWrittenTo(store.db, [ann.mailbox.id], domains)
    await received('bo@remote.test', true)
    expect(await ask(['remote.test'])).toBe(false)
    await sent(['cy@remote.test'])
    expect(await ask(['other.test', 'remote.test'])).toBe(true)
    expect(await ask(['mail.remote.test'])).toBe(false)
    expect(await ask([])).toBe(false)
  })

  it('may be very many of one email', async () => {
    await sent(Array.from({ length: 2_500 }, (_, at) => `u${at}@remote.test`))
    expect(await known('u2499@remote.test')).toEqual(new Map([[ann.mailbox.id, { received: 0, verified: 0, sent: 1 }]]))
  })

  it('are whom a released email goes to, Bcc included', async () => {
    const leaving = await createLeaving(store, { signed: false })
    const email = await leaving.queue({ to: ['Dee@remote.test', 'eve@other.test'] })
    const rows = await store.db.selectFrom('correspondents').select(['mailbox_id', 'address', 'sent']).orderBy('address').execute()
    expect(rows).toEqual([
      { mailbox_id: email.mailbox_id, address: 'dee@remote.test', sent: 1 },
      { mailbox_id: email.mailbox_id, address: 'eve@other.test', sent: 1 },
    ])
  })
})
