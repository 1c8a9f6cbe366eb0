import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { newId } from '../../../server/model/ids.ts'
import { createSubmissions } from '../../../server/outbound/submit.ts'
import {
  mayCarryLink,
  readUnsubscribeAddress,
  readUnsubscribeToken,
  unsubscribe,
  unsubscribeLinks,
  unsubscribeToken,
} from '../../../server/outbound/unsubscribe/unsubscribe.ts'
import { silentLog } from '../../../server/platform/log.ts'
import type { Store } from '../../../server/store/db.ts'
import { listSuppressions } from '../../../server/store/suppressions.ts'
import { address, openOffice } from '../../support/offices.ts'
import { describeOnEachEngine } from '../../support/stores.ts'
import { createVirtualClock } from '../../support/virtual-clock.ts'

const secret = 'd'.repeat(64)
const now = Date.UTC(2026, 10, 22)

describe('an unsubscribe token', () => {
  it('names its email, and nothing else does', () => {
    const email = newId('email', now)
    const token = unsubscribeToken(secret, email)
    expect(readUnsubscribeToken(secret, token)).toBe(email)
    expect(readUnsubscribeToken('e'.repeat(64), token)).toBeNull()
    fc.assert(fc.property(fc.string({ maxLength: 80 }), (text) => readUnsubscribeToken(secret, text) === null))
    fc.assert(
      fc.property(fc.nat({ max: token.length - 1 }), fc.constantFrom(...'0123456789abcdefXYZ.'.split('')), (at, character) => {
        fc.pre(token[at] !== character)
        expect(readUnsubscribeToken(secret, token.slice(0, at) + character + token.slice(at + 1))).toBeNull()
      }),
    )
  })

  it('makes links only where the public URL is https and not of this machine alone', () => {
    for (const url of ['http://mail.ours.test', 'http://127.0.0.1:8080', 'https://localhost'])
      expect(unsubscribeLinks({ publicUrl: url, host: null, secret })(newId('email', now))).toEqual({ https: null, mailto: null })
    const email = newId('email', now)
    const token = unsubscribeToken(secret, email)
    expect(unsubscribeLinks({ publicUrl: 'https://mail.ours.test/', host: 'mx.ours.test', secret })(email)).toEqual({
      https: `https://mail.ours.test/v1/unsubscribe/${token}`,
      mailto: `mailto:u-${token.toLowerCase()}@mx.ours.test?subject=unsubscribe`,
    })
  })

  it('is in an address, too, which nobody else can make, in capitals or small letters', () => {
    const email = newId('email', now)
    const local = `u-${unsubscribeToken(secret, email).toLowerCase()}`
    expect(local.length).toBeLessThanOrEqual(64)
    expect(readUnsubscribeAddress(secret, address(`${local}@ours.test`))).toBe(email)
    expect(readUnsubscribeAddress(secret, address(`${local.toUpperCase()}@elsewhere.test`))).toBe(email)
    expect(readUnsubscribeAddress('e'.repeat(64), address(`${local}@ours.test`))).toBe('forged')
    expect(readUnsubscribeAddress(secret, address(`${local.slice(0, -1)}@ours.test`))).toBeNull()
    for (const other of ['u@ours.test', 'u-ann@ours.test', 'ann@ours.test'])
      expect(readUnsubscribeAddress(secret, address(other))).toBeNull()
  })

  it('is for mail to one person that answers nothing', () => {
    expect(mayCarryLink({ inReplyTo: null, recipients: 1 })).toBe(true)
    expect(mayCarryLink({ inReplyTo: null, recipients: 2 })).toBe(false)
    expect(mayCarryLink({ inReplyTo: '<question@remote.test>', recipients: 1 })).toBe(false)
  })
})

describeOnEachEngine('a recipient who unsubscribes', (openStore) => {
  const open = async () => {
    const store = await openStore()
    const office = await openOffice(store, now, { mode: 'autonomous' })
    const clock = createVirtualClock(now)
    const submissions = createSubmissions({
      store,
      holdExpiryMs: 1_000,
      giveUpAfterMs: 1_000,
      unsubscribeLink: unsubscribeLinks({ publicUrl: 'https://mail.ours.test', host: 'mx.ours.test', secret }),
      clock,
      log: silentLog,
      onReleased: () => undefined,
    })
    const send = async (to: string[]) => {
      const input = { mailbox: office.mailbox.id, to: to.map(address), subject: 'Offer', markdown: 'Buy.' }
      const sent = await submissions.send(office.agent, input)
      if (!sent.ok) throw new Error(sent.code)
      return sent.value
    }
    return { store, office, clock, submissions, send }
  }
  const header = async (store: Store, id: string): Promise<string> => {
    const row = await store.db
      .selectFrom('emails')
      .select('raw_hash')
      .where('id', '=', id as never)
      .executeTakeFirstOrThrow()
    const raw = String(await store.blobs.read(store.db, row.raw_hash ?? ''))
    return raw.slice(0, raw.indexOf('\r\n\r\n'))
  }

  it('finds the link in what was approved and will be signed, and in no answer and no mail to several', async () => {
    const { store, office, submissions, send } = await open()
    const one = await send(['bo@remote.test'])
    const token = unsubscribeToken(secret, one.id)
    const link = `https://mail.ours.test/v1/unsubscribe/${token}`
    expect(await header(store, one.id)).toContain(
      `\r\nList-Unsubscribe: <${link}>,\r\n <mailto:u-${token.toLowerCase()}@mx.ours.test?subject=unsubscribe>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n`,
    )
    expect(await header(store, (await send(['bo@remote.test', 'cy@remote.test'])).id)).not.toMatch(/List-Unsubscribe/)
    const question = await office.arrived()
    const reply = await submissions.reply(office.agent, { email: question.id, markdown: 'Ten.' })
    expect(reply.ok && (await header(store, reply.value.id))).not.toMatch(/List-Unsubscribe/)
  })

  it('is on the list of that account from then on, once', async () => {
    const { store, office, clock, send, submissions } = await open()
    const { id } = await send(['bo@remote.test'])
    expect(await unsubscribe(store, id, clock.now())).toBe(true)
    expect(await unsubscribe(store, id, clock.now() + 1)).toBe(true)
    expect(await listSuppressions(store.db, office.tenancy, { now: clock.now(), limit: 10 })).toMatchObject([
      {
        address: 'bo@remote.test',
        reason: 'unsubscribe',
        email_id: id,
        mailbox_id: office.mailbox.id,
        created_at: clock.now(),
        expires_at: null,
      },
    ])
    const input = { mailbox: office.mailbox.id, to: [address('bo@remote.test')], subject: 'Offer', markdown: 'Buy.' }
    expect(await submissions.send(office.agent, input)).toMatchObject({ ok: false, code: 'RECIPIENT_SUPPRESSED' })
    expect(await unsubscribe(store, newId('email', now), now)).toBe(false)
    expect(await unsubscribe(store, (await office.arrived()).id, now)).toBe(false)
  })
})
