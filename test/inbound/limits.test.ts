import { afterAll, expect, it, onTestFinished } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'
import { openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describeOnEachEngine('the listener', (openStore) => {
  it('answers a normal message while hostile ones are read', { timeout: 60_000 }, async () => {
    const impatient = createWorkers({ log: silentLog, limits: { quickMs: 1_000, slowMs: 1_000 } })
    onTestFinished(() => impatient.close())
    const office = await openPostOffice(await openStore(), { workers: impatient })
    const hostile = [
      letter({}, 'a\r\n'.repeat(200_000)),
      letter(
        { 'Content-Type': 'multipart/mixed; boundary=b0' },
        Array.from({ length: 20_000 }, (_, at) => `--b${at}\r\nContent-Type: multipart/mixed; boundary=b${at + 1}\r\n\r\n`).join(''),
      ),
      letter({ 'Content-Type': 'text/html' }, `${'<table><tr><td>'.repeat(100_000)}\r\n`),
    ]
    const normal = await office.connect()
    const attacks = hostile.map((data) => office.send({ data }))
    expect(await normal.send({ to: 'ann@ours.test', data: letter({ Subject: 'Normal' }) })).toMatch(/^250 /)
    for (const reply of await Promise.all(attacks)) expect(reply).toMatch(/^250 /)
    const emails = await office.emails()
    expect(emails.map((email) => email.subject).toSorted()).toEqual(['Lunch', 'Lunch', 'Lunch', 'Normal'])
    for (const email of emails) expect((await office.raw(email)).length).toBe(email.raw_size)
  })

  it('asks a sender to come again when nobody has time to read its message, and keeps nothing of it', async () => {
    const office = await openPostOffice(await openStore(), {
      workers: { examine: () => Promise.resolve(null), load: () => 0, close: () => Promise.resolve() },
    })
    expect(await office.send({ data: letter() })).toBe('451 4.3.1 Too many messages at this moment, try again later')
    expect(await office.emails()).toEqual([])
  })

  it('does not wait for the DNS longer than its limit', async () => {
    const clock = createVirtualClock(Date.UTC(2026, 10, 23))
    const asked = Promise.withResolvers<void>()
    const office = await openPostOffice(await openStore(), {
      workers,
      clock,
      zone: new Proxy(createRemoteSender().zone, {
        ownKeys() {
          asked.resolve()
          throw new Error('the zone is read no more')
        },
      }),
    })
    const reply = office.send({ data: letter() })
    await asked.promise
    await clock.advance(20_000)
    expect(await reply).toMatch(/^451 4\.7\.0 /)
  })
})
