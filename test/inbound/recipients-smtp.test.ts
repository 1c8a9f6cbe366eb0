import { afterAll, beforeEach, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import type { Store } from '../../server/store/db.ts'
import { addAddresses } from '../support/addressed.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type PostOffice, openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

/** Over the wire, in front of the whole listener: `ours.test` (ann, bea, closed; try in the test world), and a domain with a catch-all. */
describeOnEachEngine('who may be written to', (openStore) => {
  let store: Store
  let office: PostOffice
  beforeEach(async () => {
    store = await openStore()
    office = await openPostOffice(store, { workers })
    await addAddresses(store, {
      mailboxes: ['all@open.test', 'gone@open.test gone', 'eve@bücher.test'],
      aliases: { 'sales@open.test': 'all@open.test' },
      catchAll: { 'open.test': 'all@open.test' },
    })
  })

  const stored = async (): Promise<string[]> => {
    const rows = await store.db
      .selectFrom('emails')
      .innerJoin('mailboxes', 'mailboxes.id', 'emails.mailbox_id')
      .select('mailboxes.address')
      .execute()
    return rows.map(({ address }) => address).toSorted()
  }

  it('gives each address its mailbox, and each mailbox one copy', async () => {
    const to = ['sales@open.test', 'whoever@open.test', 'ABUSE@ours.test', 'ann+news@ours.test', '"bea"@ours.test']
    expect(await office.send({ to, data: letter() })).toMatch(/^250 2\.0\.0 /)
    expect(await stored()).toEqual(['all@open.test', 'ann@ours.test', 'bea@ours.test'])
  })

  it('knows a domain by its two names', async () => {
    const client = await office.connect()
    expect(await client.ask('MAIL FROM:<bo@remote.test> SMTPUTF8')).toMatch(/^250 /)
    for (const path of ['eve@xn--bcher-kva.test', 'eve@bücher.test', 'EVE@BÜCHER.test'])
      expect(await client.ask(`RCPT TO:<${path}>`)).toMatch(/^250 /)
    expect(await client.ask('RCPT TO:<eve@buecher.test>')).toMatch(/^550 5\.7\.1 /)
  })

  it('takes postmaster without a domain, and from nobody in particular', async () => {
    expect(await office.send({ from: '', to: 'postmaster', data: letter() })).toMatch(/^250 2\.0\.0 /)
    expect(await stored()).toEqual(['ann@ours.test'])
  })

  it('ignores a source route, wherever it leads', async () => {
    expect(await office.send({ to: '@evil.test,@other.test:ann@ours.test', data: letter() })).toMatch(/^250 2\.0\.0 /)
    expect(await office.send({ to: '@ours.test:ann@evil.test', data: letter() })).toMatch(/^550 5\.7\.1 /)
    expect(await stored()).toEqual(['ann@ours.test'])
  })

  it('refuses every other address for good, and a suspended mailbox for now', async () => {
    const client = await office.connect()
    await client.ask('MAIL FROM:<>')
    for (const path of relayTricks) expect(await client.ask(`RCPT TO:${path}`), path).toMatch(/^5\d\d 5\.\d\.\d /)
    expect(await client.ask('RCPT TO:<closed@ours.test>')).toMatch(/^450 4\.2\.1 /)
    expect(await client.ask('DATA')).toMatch(/^5\d\d /)
    expect(await stored()).toEqual([])
  })
})

const relayTricks = [
  '<ann@evil.test>',
  '<ann%evil.test@ours.test>',
  '<ann%evil.test@open.test>',
  '<ann%evil.test%ours.test@open.test>',
  '<ann!evil@ours.test>',
  '<evil.test!ann@open.test>',
  '<"ann@evil.test"@ours.test>',
  '<"ann@evil.test"@open.test>',
  '<"ann%evil.test"@open.test>',
  '<ann@evil.test@ours.test>',
  '<ann@ours.test@evil.test>',
  '<@ours.test:ann@evil.test>',
  '<@ours.test,@open.test:ann@evil.test>',
  '<@ours.test:ann%evil.test@ours.test>',
  '<ann@[127.0.0.1]>',
  '<ann@[IPv6:::1]>',
  '<ann@127.0.0.1>',
  '<>',
  '<ann>',
  '<@>',
  '<ann@ours.test.evil.test>',
  '<ann@evil.test.>',
  '<"ann@evil.test" @ours.test>',
  'ann@evil.test',
  '<ann@ours.test><ann@evil.test>',
  '<ann@ours.test> <ann@evil.test>',
  '<ann@ours.test> ORCPT=rfc822;ann@evil.test',
  '<ann@ours.test,ann@evil.test>',
  '<nobody@ours.test>',
  '<try@ours.test>',
  '<gone@open.test>',
  '<postmaster@evil.test>',
]
