import { describe, expect, it } from 'vitest'
import { createHttpServer } from '../../server/doors/http.ts'
import { askedBy } from '../../server/outbound/opens/asked-by.ts'
import { openImage } from '../../server/outbound/opens/opens.ts'
import { chooseOnHost } from '../../server/outbound/mailbox-choices.ts'
import { noCaps } from '../../server/outbound/pace/caps.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createMetrics } from '../../server/platform/metrics.ts'
import { emailById } from '../../server/store/emails.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const switchOpens = (desk: Desk, address: string, opens: boolean) => chooseOnHost({ ...desk, caps: noCaps }, address, 'live', { opens })

describeOnEachEngine('a mailbox that notices opens', (openStore) => {
  const noticing = async (mailbox: 'free' | 'gated' = 'free') => {
    const desk = await openDesk(openStore)
    expect(await switchOpens(desk, desk.ours[mailbox].address, true)).toMatchObject({ ok: true, value: { changed: true } })
    return desk
  }
  let count = 0
  const send = async (desk: Desk, mailbox: 'free' | 'gated') => {
    count += 1
    const sent = await desk.call(desk.ours.keys.agent, 'POST', `/v1/mailboxes/${desk.ours[mailbox].id}/send`, {
      to: ['bo@remote.test'],
      subject: 'Hello',
      markdown: 'Hello **Bo**',
      // The same twice is meant.
      idempotency_key: `mail-${count}`,
    })
    const id = String(sent.body['id']) as EmailId
    const email = await emailById(desk.store.db, id)
    const raw = String(await desk.store.blobs.read(desk.store.db, email?.raw_hash ?? '')).replaceAll('=\r\n', '')
    return { id, raw, token: /\/v1\/o\/([0-9a-f]{32})\.gif/.exec(raw)?.[1] ?? null }
  }
  const ask = async (desk: Desk, token: string, headers: Record<string, string> = { 'user-agent': 'Thunderbird/140.0' }) => {
    const answer = await fetch(`${desk.url}/v1/o/${token}`, { headers })
    return { answer, image: Buffer.from(await answer.arrayBuffer()).toString('base64') }
  }
  const told = async (desk: Desk) =>
    (await desk.store.db.selectFrom('events').selectAll().where('type', '=', 'message.opened').orderBy('seq').execute()).map((row) => ({
      account: row.account_id,
      ...(JSON.parse(row.data_json) as Record<string, unknown>),
    }))

  it('is one that was asked to: by default nothing is put into a message', async () => {
    const desk = await openDesk(openStore)
    const { raw, token } = await send(desk, 'free')
    expect([token, raw.includes('<img')]).toEqual([null, false])
    expect(await desk.store.db.selectFrom('opens').selectAll().execute()).toEqual([])
    await switchOpens(desk, desk.ours.free.address, true)
    expect((await send(desk, 'gated')).token).toBeNull()
    expect((await send(desk, 'free')).token).not.toBeNull()
    await switchOpens(desk, desk.ours.free.address, false)
    expect((await send(desk, 'free')).token).toBeNull()
  })

  it('puts one image inside the bytes that are approved, where the reviewer is told of it, and counts nothing before they left', async () => {
    const desk = await noticing('gated')
    const { id, raw, token } = await send(desk, 'gated')
    expect(raw.match(/<img/g)).toHaveLength(1)
    const seen = await desk.call(desk.ours.keys.reviewer, 'GET', `/v1/mailboxes/${desk.ours.gated.id}/emails/${id}`)
    expect(seen.body['flags']).toEqual(['open-tracking'])
    await ask(desk, `${token}.gif`)
    expect(await told(desk)).toEqual([])
  })

  it('tells when, at most once a minute and twenty times, and whether a program asked', async () => {
    const desk = await noticing()
    const { id, token } = await send(desk, 'free')
    await ask(desk, `${token}.gif`)
    await ask(desk, `${token}.gif`)
    await desk.clock.advance(minute - 1)
    await ask(desk, `${token}.gif`)
    const first = desk.clock.now() - minute + 1
    expect(await told(desk)).toMatchObject([
      { account: desk.ours.accountId, email_id: id, opened_at: first, first_opened_at: first, opens: 1, asked_by: 'reader' },
    ])
    await desk.clock.advance(1)
    await ask(desk, `${token}.gif`, { 'user-agent': 'curl/8.5.0' })
    expect((await told(desk))[1]).toMatchObject({ opens: 2, asked_by: 'program', first_opened_at: first, opened_at: desk.clock.now() })
    for (let more = 0; more < 25; more += 1) {
      await desk.clock.advance(minute)
      await ask(desk, `${token}.gif`)
    }
    expect(await told(desk)).toHaveLength(20)
  })

  it('answers everybody with the same picture, without a cookie, and takes down nobody’s name or address', async () => {
    const desk = await noticing()
    const { token } = await send(desk, 'free')
    const other = `${'0'.repeat(32)}.gif`
    const asked = [`${token}.gif`, other, 'no.gif', `${token}`, `${token}.GIF`, `${token}x.gif`, '%00.gif', "'%20or%201=1--.gif"]
    const answers = await Promise.all(asked.map((file) => ask(desk, file, { 'user-agent': 'Ann’s own'.replace('’', '') })))
    const [one] = answers
    expect(one?.answer.status).toBe(200)
    expect(
      Buffer.from(one?.image ?? '', 'base64')
        .subarray(0, 6)
        .toString(),
    ).toBe('GIF89a')
    for (const { answer, image } of answers) {
      expect([answer.status, answer.headers.get('content-type'), image]).toEqual([200, 'image/gif', one?.image])
      expect([answer.headers.get('set-cookie'), answer.headers.get('cross-origin-resource-policy')]).toEqual([null, 'cross-origin'])
    }
    expect(await told(desk)).toHaveLength(1)
    const kept = JSON.stringify([await desk.store.db.selectFrom('opens').selectAll().execute(), await told(desk)])
    for (const secret of [String(token), '127.0.0.1', 'Anns own']) expect(kept).not.toContain(secret)
  })

  it('tells its own account only, and no key is needed to be counted', async () => {
    const desk = await noticing()
    const ours = await send(desk, 'free')
    await switchOpens(desk, desk.theirs.free.address, true)
    await ask(desk, `${ours.token}.gif`)
    expect((await told(desk)).map(({ account }) => account)).toEqual([desk.ours.accountId])
  })
})

describe('the image', () => {
  it('cannot break out of its tag', () => {
    expect(openImage('https://mail.test/"><script>', '00')).toBe(
      '<img src="https://mail.test/%22><script>/v1/o/00.gif" width="1" height="1" alt="">\n',
    )
  })

  it('is not served where nobody takes anything down', async () => {
    const http = createHttpServer({
      rooms: { signups: { kind: 'off' } } as never,
      identify: () => Promise.resolve(null),
      config: { http: { host: '127.0.0.1', port: 0, publicUrl: 'https://mail.ours.test', metricsToken: null } },
      metrics: createMetrics(),
      log: silentLog,
      clock: { now: () => 0, at: () => ({ cancel: () => undefined }) },
    })
    const { port } = await http.listen()
    expect((await fetch(`http://127.0.0.1:${port}/v1/o/${'0'.repeat(32)}.gif`)).status).toBe(404)
    await http.close()
  })
})

describe('who asked', () => {
  it.each([
    ['reader', { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Thunderbird/140.0' }],
    ['proxy', { 'user-agent': 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)' }],
    ['proxy', { 'user-agent': 'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html' }],
    ['prefetch', { 'user-agent': 'Mozilla/5.0' }],
    ['prefetch', { 'user-agent': 'Mozilla/5.0 (X11) Firefox/140.0', 'sec-purpose': 'prefetch;prerender' }],
    ['program', { 'user-agent': 'Mozilla/5.0 (compatible; SomeBot/1.0)' }],
    ['program', { 'user-agent': 'curl/8.5.0' }],
    ['program', {}],
    ['reader', { 'user-agent': 'x'.repeat(100_000) }],
  ])('%s: %j', (by, headers) => {
    expect(askedBy(headers)).toBe(by)
  })
})
