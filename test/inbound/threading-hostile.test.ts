import { afterAll, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describeOnEachEngine('the conversation of an answer', (openStore) => {
  it('is that of the first email with the Message-ID it names, whoever uses it again', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    await office.send({ data: letter({ 'Message-ID': '<known@remote.test>', Subject: 'Contract' }) })
    await office.send({ data: letter({ 'Message-ID': '<known@remote.test>', Subject: 'Mine now' }) })
    await office.send({
      data: letter({ 'Message-ID': '<answer@remote.test>', 'In-Reply-To': '<known@remote.test>', Subject: 'Re: Contract' }),
    })
    const [first, copy, answer] = await office.emails()
    expect(answer?.thread_id).toBe(first?.thread_id)
    expect(copy?.thread_id).not.toBe(first?.thread_id)
  })

  it('is never one of another mailbox', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    await office.send({ to: 'bea@ours.test', data: letter({ 'Message-ID': '<hers@remote.test>' }) })
    await office.send({ data: letter({ 'In-Reply-To': '<hers@remote.test>', References: '<hers@remote.test>' }) })
    const [hers, his] = await office.emails()
    expect(his?.thread_id).not.toBe(hers?.thread_id)
  })
})
