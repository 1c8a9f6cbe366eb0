import { afterAll, describe, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { verifyLog } from '../../server/store/log.ts'
import { letter } from '../support/remote-sender.ts'
import type { Mail } from '../support/smtp-client.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { asReceived, maxMessageBytes, openPostOffice, ourField } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describeOnEachEngine('arriving mail', (openStore) => {
  const open = async () => await openPostOffice(await openStore(), { workers })

  it('stores a message, says 250 with our id for it, and tells of it', async () => {
    const store = await openStore()
    const office = await openPostOffice(store, { workers })
    const reply = await office.send({ data: letter() })
    const [email] = await office.emails()
    expect(reply).toBe(`250 2.0.0 Stored as ${email?.id}`)
    expect(email).toMatchObject({
      direction: 'inbound',
      status: 'unread',
      subject: 'Lunch',
      from_address: 'bo@remote.test',
      from_name: 'Bo',
      message_id: '<1@remote.test>',
      reverse_path: 'bo@remote.test',
      forward_paths_json: '["ann@ours.test"]',
      authentication_json: JSON.stringify({
        spf: { result: 'pass', domain: 'remote.test' },
        dkim: [],
        dmarc: { result: 'pass', policy: 'reject', domain: 'remote.test' },
        arc: { result: 'none' },
      }),
      sent_at: Date.UTC(2026, 10, 23, 10),
      extracted: 'Hello.',
      spam_verdict: 'clean',
      flags_json: '[]',
    })
    const events = await store.db.selectFrom('events').selectAll().execute()
    expect(events).toMatchObject([{ type: 'message.received' }])
    expect(JSON.parse(events[0]?.data_json ?? '')).toMatchObject({
      email_id: email?.id,
      thread_id: email?.thread_id,
      from: 'bo@remote.test',
    })
    const entries = await store.db.selectFrom('log_entries').select(['action', 'resource_id']).execute()
    expect(entries).toEqual([{ action: 'email.received', resource_id: email?.id }])
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
  })

  it('keeps what was received octet for octet below its own Received and Authentication-Results', async () => {
    const office = await open()
    const data = letter({ 'X-Odd': 'a\t b  ', From: 'Bö <bo@remote.test>' }, 'no final line\r\n.dots\r\n..\r\n\r\n \t\r\n')
    await office.send({ data })
    const [email] = await office.emails()
    if (email === undefined) throw new Error('not stored')
    const raw = await office.raw(email)
    expect(asReceived(raw).toString()).toBe(data)
    expect(ourField(raw, 'received')).toMatch(
      new RegExp(
        `^Received: from out.remote.test \\(\\[127.0.0.1\\]\\) by mx.ours.test with ESMTP id ${email.id} for <ann@ours.test>; \\w{3}, \\d\\d .* \\+0000$`,
      ),
    )
    expect(ourField(raw, 'authentication-results')).toBe(
      'Authentication-Results: mx.ours.test; spf=pass smtp.mailfrom=remote.test; dkim=none; dmarc=pass policy.dmarc=reject header.from=remote.test; arc=none',
    )
  })

  it('gives each mailbox its own email, once, and names nobody in Received when there are several', async () => {
    const office = await open()
    await office.send({ to: ['ann@ours.test', 'ANN@ours.test', 'ann+news@ours.test', 'bea@ours.test'], data: letter() })
    const emails = await office.emails()
    expect(emails.map((email) => [email.forward_paths_json, email.status])).toEqual([
      ['["ann@ours.test","ann+news@ours.test"]', 'unread'],
      ['["bea@ours.test"]', 'pending_inbound_approval'],
    ])
    expect(new Set(emails.map((email) => email.raw_hash)).size).toBe(1)
    expect(new Set(emails.map((email) => email.thread_id)).size).toBe(2)
    expect((await office.raw(emails[0]!)).toString()).not.toContain('for <')
  })

  it('holds what arrives in a gated_all mailbox until a reviewer has seen it', async () => {
    const store = await openStore()
    const office = await openPostOffice(store, { workers })
    await office.send({ to: 'bea@ours.test', data: letter() })
    const [email] = await office.emails()
    const hold = await store.db.selectFrom('holds').selectAll().executeTakeFirstOrThrow()
    expect(hold).toMatchObject({
      email_id: email?.id,
      direction: 'inbound',
      state: 'open',
      content_hash: email?.raw_hash,
      expires_at: (email?.received_at ?? 0) + 1_000_000,
    })
    const [event, ...more] = await store.db.selectFrom('events').select(['type', 'data_json']).execute()
    expect([event?.type, more]).toEqual(['oversight.pending', []])
    expect(JSON.parse(event?.data_json ?? '')).toMatchObject({ email_id: email?.id, hold_id: hold.id, reason: hold.reason })
    expect(await store.db.selectFrom('log_entries').select('action').orderBy('seq').execute()).toEqual([
      { action: 'email.received' },
      { action: 'email.held' },
    ])
  })

  it('stores the same attachment once, however often it comes', async () => {
    const store = await openStore()
    const office = await openPostOffice(store, { workers })
    const part = `--b\r\nContent-Type: application/pdf; name="a/../b.pdf"\r\nContent-Disposition: attachment\r\nContent-Transfer-Encoding: base64\r\n\r\n${'QUJD\r\n'.repeat(30_000)}`
    const data = letter({ 'Content-Type': 'multipart/mixed; boundary=b' }, `--b\r\n\r\nSee below.\r\n${part}${part}--b--\r\n`)
    await office.send({ data })
    await office.send({ data: `X: y\r\n${data}` })
    const rows = await store.db.selectFrom('attachments').selectAll().orderBy('id').execute()
    expect(rows.map((row) => [row.name, row.position, row.size, row.is_inline])).toEqual(
      [0, 1, 0, 1].map((at) => ['a_.._b.pdf', at, 90_000, 0]),
    )
    expect(new Set(rows.map((row) => row.blob_hash)).size).toBe(1)
    expect((await store.blobs.read(store.db, rows[0]?.blob_hash ?? ''))?.toString()).toBe('ABC'.repeat(30_000))
    expect(await store.db.selectFrom('blobs').select('hash').execute()).toHaveLength(3)
    expect((await office.emails()).map((email) => email.has_attachments)).toEqual([1, 1])
  })

  it('threads a reply in the same mailbox only', async () => {
    const office = await open()
    await office.send({ data: letter() })
    await office.send({ data: letter({ 'Message-ID': '<2@remote.test>', 'In-Reply-To': '<1@remote.test>', Subject: 'Re: Lunch' }) })
    await office.send({
      to: 'bea@ours.test',
      data: letter({ 'Message-ID': '<3@remote.test>', 'In-Reply-To': '<1@remote.test>', Subject: 'Re: Lunch' }),
    })
    const [first, second, third] = await office.emails()
    expect(second).toMatchObject({ thread_id: first?.thread_id, in_reply_to: '<1@remote.test>', subject: 'Lunch' })
    expect(third?.thread_id).not.toBe(first?.thread_id)
  })
})

const refused: [what: string, mail: Partial<Mail>, reply: string][] = [
  ['an unknown mailbox', { to: 'nobody@ours.test' }, '550 5.1.1 No such mailbox here'],
  ['a mailbox of the test world', { to: 'try@ours.test' }, '550 5.1.1 No such mailbox here'],
  ['a suspended mailbox', { to: 'closed@ours.test' }, '450 4.2.1 Mailbox suspended for now, try again later'],
  ['a foreign domain', { to: 'bo@remote.test' }, '550 5.7.1 Relaying denied'],
  ['a relay hidden in the local part', { to: 'bo%remote.test@ours.test' }, '550 5.7.1 Relaying denied'],
  ['two at signs', { to: 'bo@remote.test@ours.test' }, '553 5.1.3 Address syntax not supported'],
  ['an address literal', { to: 'ann@[127.0.0.1]' }, '553 5.1.3 Address syntax not supported'],
  ['a sender that is no address', { from: 'bo@[127.0.0.1]' }, '553 5.1.7 Sender address syntax not supported'],
  ['a parameter we did not announce', { parameters: ' RET=FULL' }, '555 5.5.4 Parameter not recognized'],
  [
    'too many recipients',
    { to: ['ann', 'bea', 'ann+1', 'ann+2', 'ann+3', 'ann+4'].map((name) => `${name}@ours.test`) },
    '452 4.5.3 Too many recipients; send to the others with another message',
  ],
  [
    'a size announced that is too large',
    { parameters: ` SIZE=${maxMessageBytes + 1}` },
    `552 5.3.4 Message exceeds the limit of ${maxMessageBytes} bytes`,
  ],
  [
    'a message that is too large',
    {
      data: letter(
        {},
        'x'
          .repeat(78)
          .concat('\r\n')
          .repeat(maxMessageBytes / 80),
      ),
    },
    `552 5.3.4 Message exceeds the limit of ${maxMessageBytes} bytes`,
  ],
  ['a mail loop', { data: 'Received: from a by b; x\r\n'.repeat(51) + letter() }, '554 5.4.6 Too many hops, this looks like a mail loop'],
  ['a header section without end', { data: `X-A: ${'a'.repeat(2.2e6)}\r\n${letter()}` }, '552 5.3.4 Header section too large'],
  ['a header section of endless lines', { data: `${'X: y\r\n'.repeat(10_001)}${letter()}` }, '552 5.3.4 Header section too large'],
]

const continuation: (typeof refused)[number] = [
  'a message whose first line would continue our own last field',
  { data: `\t; dmarc=pass\r\n${letter()}` },
  '554 5.6.0 The message begins with a continuation line',
]

const accepted: [what: string, mail: Partial<Mail>, stored: object][] = [
  ['the null reverse-path', { from: '' }, { reverse_path: '' }],
  ['a source route, which it ignores', { to: '@relay.test:ann@ours.test' }, { forward_paths_json: '["ann@ours.test"]' }],
  ['an upper case domain', { to: 'Ann@OURS.Test' }, { forward_paths_json: '["Ann@ours.test"]' }],
  ['postmaster, for the oldest mailbox of the domain', { to: 'postmaster@ours.test' }, { forward_paths_json: '["postmaster@ours.test"]' }],
  ['postmaster without a domain', { to: 'Postmaster' }, { forward_paths_json: '["postmaster@ours.test"]' }],
  ['a detail behind a plus', { to: 'ann+orders@ours.test' }, { forward_paths_json: '["ann+orders@ours.test"]' }],
  ['exactly as much as it announces', { parameters: ` SIZE=${maxMessageBytes} BODY=8BITMIME SMTPUTF8` }, { status: 'unread' }],
  ['an empty message', { data: '' }, { raw_hash: expect.any(String), flags_json: '["no-from"]', status: 'spam_flagged' }],
]

describeOnEachEngine('replies', (openStore) => {
  it('refuses these, and stores nothing', async () => {
    const store = await openStore()
    const office = await openPostOffice(store, { workers })
    const client = await office.connect()
    for (const [what, mail, reply] of [...refused, continuation]) {
      expect([what, await client.send({ to: 'ann@ours.test', data: letter(), ...mail })]).toEqual([what, reply])
      await client.ask('RSET')
    }
    expect(await office.emails()).toEqual([])
    expect(await store.db.selectFrom('blobs').select('hash').execute()).toEqual([])
    expect(await store.db.selectFrom('log_entries').select('seq').execute()).toEqual([])
  })

  it('accepts these', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    const client = await office.connect()
    for (const [what, mail, stored] of accepted) {
      expect([what, await client.send({ to: 'ann@ours.test', data: letter(), ...mail })]).toEqual([
        what,
        expect.stringMatching(/^250 2\.0\.0 Stored as em_/),
      ])
      expect((await office.emails()).at(-1), what).toMatchObject(stored)
    }
  })

  it('stores a Message-ID that it has seen before: it is no proof that the message is the same', async () => {
    const office = await openPostOffice(await openStore(), { workers })
    await office.send({ data: letter() })
    await office.send({ data: letter({}, 'Something else.\r\n') })
    expect((await office.emails()).map((email) => email.extracted)).toEqual(['Hello.', 'Something else.'])
  })
})

describe('a session', () => {
  describeOnEachEngine('with one connection', (openStore) => {
    it('announces what it does and nothing else', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const client = await office.connect()
      expect(client.said.slice(1)).toEqual([
        '250-mx.ours.test',
        '250-PIPELINING',
        `250-SIZE ${maxMessageBytes}`,
        '250-8BITMIME',
        '250-SMTPUTF8',
        '250-ENHANCEDSTATUSCODES',
        '250-CHUNKING',
        '250-LIMITS RCPTMAX=5',
        '250 STARTTLS',
      ])
      for (const command of ['XCLIENT ADDR=1.2.3.4', 'XFORWARD NAME=x', 'WIZ', 'LHLO x'])
        expect(await client.ask(command)).toMatch(/^500 5\.5\.2 /)
      for (const command of ['AUTH PLAIN AGEAYg==', 'TURN', 'EXPN list']) expect(await client.ask(command)).toMatch(/^502 5\.5\.1 /)
      expect(await client.ask('VRFY ann')).toMatch(/^252 2\.5\.0 /)
    })

    it('goes on after a refusal: another recipient, another message', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const client = await office.connect()
      expect(await client.send({ to: ['ann@ours.test'], data: 'bare\nlf\r\n' })).toMatch(/^550 5\.6\.11 /)
      await client.ask('MAIL FROM:<bo@remote.test>')
      expect(await client.ask('RCPT TO:<nobody@ours.test>')).toMatch(/^550 /)
      expect(await client.ask('DATA')).toMatch(/^503 /)
      expect(await client.ask('RSET')).toMatch(/^250 /)
      expect(await client.send({ to: 'ann@ours.test', data: letter() })).toMatch(/^250 2\.0\.0 /)
      expect(await client.ask('QUIT')).toMatch(/^221 /)
      expect(await office.emails()).toHaveLength(1)
    })

    it('stores nothing when the sender leaves before the end', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const client = await office.connect()
      for (const line of ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>', 'DATA']) await client.ask(line)
      await client.write(`${letter()}\r\n.`)
      client.close()
      expect(await office.send({ data: letter() })).toMatch(/^250 /)
      expect(await office.emails()).toHaveLength(1)
    })

    it('finishes and answers what it has received before it closes', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const [idle, busy] = [await office.connect(), await office.connect()]
      for (const line of ['MAIL FROM:<bo@remote.test>', 'RCPT TO:<ann@ours.test>', 'DATA']) await busy.ask(line)
      await busy.write(`${letter()}.\r\n`)
      const closed = office.close
      const answered = busy.reply()
      await Promise.all([closed(), answered])
      expect(await answered).toMatch(/^(250 2\.0\.0|closed)/)
      expect(await idle.reply()).toMatch(/^(421 4\.3\.2 Shutting down|closed)/)
    })
  })
})
