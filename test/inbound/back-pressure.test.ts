import { expect, it } from 'vitest'
import type { Workers } from '../../server/inbound/examine/workers.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openPostOffice } from './post-office.ts'

const later = '451 4.3.1 Too many messages at this moment, try again later'

/** Threads that are behind as far as the test says. */
function behind(share: { now: number }): Workers {
  return { examine: () => Promise.reject(new Error('nobody has time')), load: () => share.now, close: () => Promise.resolve() }
}

describeOnEachEngine('when the workers are behind', (open) => {
  it('a sender is asked to come again before it sends, and is welcome when they have caught up', async () => {
    const share = { now: 0.6 }
    const office = await openPostOffice(await open(), { workers: behind(share) })
    const client = await office.connect()
    expect(await client.ask('MAIL FROM:<bo@remote.test>')).toBe(later)
    share.now = 0.4
    expect(await client.ask('MAIL FROM:<bo@remote.test>')).toMatch(/^250 /)
  })

  it('so that there is no room for one more, what has come already is refused for now, and not kept', async () => {
    const share = { now: 0 }
    const office = await openPostOffice(await open(), { workers: behind(share) })
    const client = await office.connect()
    for (const line of ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>', 'DATA']) await client.ask(line)
    share.now = 1
    await client.write(`${letter()}.\r\n`)
    expect(await client.reply()).toBe(later)
    expect(await office.emails()).toEqual([])
  })
})
