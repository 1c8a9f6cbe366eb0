import { createHmac } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type Bring, createBring } from '../../server/events/bring.ts'
import { payloadOf } from '../../server/events/payload.ts'
import { newSecret, newSeed } from '../../server/events/signature.ts'
import { type MailboxId, newId } from '../../server/model/ids.ts'
import { type EventType, eventTypes } from '../../server/store/events.ts'
import type { Row } from '../../server/store/schema.ts'
import type { WebhookRow } from '../../server/store/webhooks.ts'
import { makeCertificate } from '../support/certificate.ts'
import { type Answering, createHttpsHost, says } from '../support/https-host.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.parse('2026-11-22T10:00:00Z')
const host = 'hook.remote.test'
const accountId = newId('account', start)
const day = 86_400_000

let certificate: { key: string; cert: string }
beforeAll(async () => {
  certificate = await makeCertificate(host)
})

const eventOf = (type: EventType, data: object): Row<'events'> => ({
  seq: 1,
  id: newId('event', start),
  account_id: accountId,
  world: 'live',
  mailbox_id: newId('mailbox', start),
  type,
  data_json: JSON.stringify(data),
  created_at: start,
})

const webhookTo = (url: string): WebhookRow => ({
  id: newId('webhook', start),
  account_id: accountId,
  world: 'live',
  kind: 'subscription',
  mailbox_id: null,
  url,
  events_json: '["*"]',
  secret: newSecret(),
  previous_secret: null,
  previous_until: null,
  signing_seed: newSeed(),
  is_enabled: 1,
  disabled_reason: null,
  failing_since: null,
  next_attempt_at: start,
  leased_until: null,
  lease: null,
  created_at: start,
  updated_at: start,
})

type Options = { ca?: string | null; isPrivateAllowed?: boolean }

/** A receiver over real HTTPS, under a name that leads to loopback. */
async function receiver(how: Answering, { ca = certificate.cert, isPrivateAllowed = true }: Options = {}) {
  const web = await createHttpsHost(certificate, how)
  const clock = createVirtualClock(start)
  let lookups = 0
  const resolver = {
    a: (_name: string) => {
      lookups += 1
      return Promise.resolve({ kind: 'found' as const, value: ['127.0.0.1'] })
    },
    aaaa: () => Promise.resolve({ kind: 'no-data' as const }),
  }
  const bring = createBring({ resolver, clock, allowPrivateTargets: isPrivateAllowed, ...(ca !== null && { ca }) })
  const webhook = webhookTo(`https://${host}:${web.port}/in?of=us`)
  const event = eventOf('message.received', { email_id: 'em_1', from: 'ann@remote.test', subject: 'Hi' })
  const go = (change: Partial<WebhookRow> = {}, signal = new AbortController().signal): ReturnType<Bring> =>
    bring({ webhook: { ...webhook, ...change }, deliveryId: 'wdl_1', event, mailbox: 'support@ours.test', signal })
  return { web, clock, webhook, event, go, lookups: () => lookups }
}

describe('what is brought over HTTPS', () => {
  it('is a POST of JSON with the id, the time and signatures that a receiver can check', async () => {
    const { web, go, webhook, event } = await receiver(says('thanks', { status: 202 }))
    expect(await go()).toEqual({ status: 202, retryAfter: '', text: 'thanks', trouble: null })
    const [asked] = web.asked
    if (asked === undefined) return expect.fail('nothing came')
    expect(asked).toMatchObject({ method: 'POST', path: '/in?of=us', type: 'application/json', host: `${host}:${web.port}` })
    expect(asked.body).toEqual(payloadOf({ event, mailbox: 'support@ours.test' }))
    const hmac = createHmac('sha256', webhook.secret).update(asked.body).digest('hex')
    const standard = createHmac('sha256', Buffer.from(webhook.secret.slice('whsec_'.length), 'base64'))
      .update(`${event.id}.${start / 1000}.${asked.body.toString()}`)
      .digest('base64')
    expect(asked.headers).toMatchObject({
      'webhook-id': event.id,
      'webhook-timestamp': String(start / 1000),
      'webhook-signature': expect.stringContaining(`v1,${standard}`),
      'x-multimail-signature': `sha256=${hmac}`,
      'x-multimail-event': 'message.received',
      'x-multimail-delivery': 'wdl_1',
      'content-length': String(asked.body.length),
    })
    expect(asked.headers).not.toHaveProperty('x-multimail-signature-previous')
    expect(JSON.stringify(asked.headers)).not.toContain('whsec_')
  })

  it('is signed with the secret before as well, until the very end of its day', async () => {
    const { web, go, clock } = await receiver(says(''))
    const rotated = { previous_secret: 'whsec_before', previous_until: start + day }
    await clock.advance(day - 1)
    await go(rotated)
    await clock.advance(1)
    await go(rotated)
    const [before, after] = web.asked
    const hmac = createHmac('sha256', 'whsec_before')
      .update(before?.body ?? '')
      .digest('hex')
    expect(before?.headers['x-multimail-signature-previous']).toBe(`sha256=${hmac}`)
    expect(after?.headers).not.toHaveProperty('x-multimail-signature-previous')
    const count = (headers: unknown) => String(headers).split(' ').length
    expect(count(before?.headers['webhook-signature'])).toBe(count(after?.headers['webhook-signature']) + 1)
  })

  it('follows no redirect, and keeps 1 KB of an answer without end', async () => {
    const { web, go } = await receiver((response, asked) => says('', { status: 302, headers: { Location: '/elsewhere' } })(response, asked))
    expect(await go()).toMatchObject({ status: 302, trouble: null })
    expect(web.asked).toHaveLength(1)
    web.answer((response) => {
      response.writeHead(200)
      const more = (): void => void (response.write('x'.repeat(16_384)) ? setImmediate(more) : response.once('drain', more))
      more()
    })
    expect(await go()).toEqual({ status: 200, retryAfter: '', text: 'x'.repeat(1024), trouble: null })
    web.answer(says('a\0b', { status: 503, headers: { 'Retry-After': '120' } }))
    expect(await go()).toEqual({ status: 503, retryAfter: '120', text: 'a\uFFFDb', trouble: null })
  })

  it('is given up after ten seconds without an answer, and at once when it is broken off', async () => {
    const { web, go, clock } = await receiver(() => undefined)
    const late = go()
    await web.untilAsked()
    await clock.advance(9_999)
    const unended = Symbol('unended')
    expect(await Promise.race([late, Promise.resolve(unended)])).toBe(unended)
    await clock.advance(1)
    expect(await late).toEqual({ status: null, retryAfter: '', text: null, trouble: 'time is up' })
    const stop = new AbortController()
    const broken = go({}, stop.signal)
    await web.untilAsked(2)
    stop.abort()
    expect((await broken).status).toBeNull()
  })

  it('goes to nobody whose certificate is not verified', async () => {
    const { web, go } = await receiver(says('thanks'), { ca: null })
    expect(await go()).toMatchObject({ status: null, trouble: expect.stringMatching(/CERT|VERIFY/) })
    expect(web.asked).toEqual([])
  })

  it('is looked up once, and dialled is what was looked at: a name that leads to a private address is not', async () => {
    const open = await receiver(says('thanks'))
    await open.go()
    expect([open.lookups(), open.web.asked.length]).toEqual([1, 1])
    const closed = await receiver(says('thanks'), { isPrivateAllowed: false })
    expect(await closed.go()).toMatchObject({ status: null, trouble: 'the host has no public address' })
    expect([closed.lookups(), closed.web.asked.length]).toEqual([1, 0])
    expect(await closed.go({ url: `https://127.0.0.1:${closed.web.port}/` })).toMatchObject({ status: null, trouble: expect.any(String) })
    expect(await closed.go({ url: `http://${host}:${closed.web.port}/` })).toMatchObject({ status: null, trouble: expect.any(String) })
    expect(closed.web.asked).toEqual([])
  })
})

describe('the payload', () => {
  const email = {
    email_id: 'em_1',
    thread_id: 'thr_1',
    from: 'ann@remote.test',
    to: ['support@ours.test'],
    subject: 'Hi',
    direction: 'inbound',
    status: 'unread',
    has_attachments: false,
  }
  const facts: Partial<Record<EventType, object>> = {
    'message.bounced': {
      recipient: 'bo@remote.test',
      bounce_type: 'hard',
      bounce_code: '550',
      diagnostic: 'no',
      suppressed: true,
      bounced_at: start,
    },
    'message.delivered': { recipient: 'bo@remote.test', delivered_at: start },
    'oversight.rejected': { action: 'reject', reason: 'no', decided_by: 'key_1' },
  }
  it.each(eventTypes.map((type) => [type]))('of %s has what either generation of clients reads', (type) => {
    const event = eventOf(type, { ...email, ...facts[type] })
    const said = JSON.parse(payloadOf({ event, mailbox: 'support@ours.test' }).toString()) as Record<string, unknown>
    expect(said).toMatchObject({
      id: event.id,
      event: type,
      event_type: type,
      timestamp: new Date(start).toISOString(),
      tenant_id: accountId,
      mailbox: 'support@ours.test',
      mailbox_id: event.mailbox_id as MailboxId,
      message_id: 'em_1',
      thread_id: 'thr_1',
      data: { ...email, message_id: 'em_1', mailbox_id: event.mailbox_id },
    })
    const moment = new Date(start).toISOString()
    const times = {
      ...(type === 'message.bounced' && { bounced_at: moment }),
      ...(type === 'message.delivered' && { delivered_at: moment }),
    }
    expect(said['data']).toMatchObject({ ...facts[type], ...times })
    if (type.startsWith('oversight.')) for (const name of ['action', 'reason', 'decided_by']) expect(said['data']).toHaveProperty(name)
    if (type === 'message.received') expect(said).toMatchObject({ from: 'ann@remote.test', subject: 'Hi' })
    if (type === 'message.bounced') expect(said).toMatchObject({ bounce_code: '550', diagnostic: 'no' })
    expect(JSON.stringify(said)).not.toContain('/approve/')
  })
})
