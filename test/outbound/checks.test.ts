import { beforeEach, describe, expect, it } from 'vitest'
import type { OversightMode } from '../../server/model/email.ts'
import type { FindingKind } from '../../server/model/finding.ts'
import { createTextReader } from '../../server/mailbox/attachment-text/reader.ts'
import type { AttachmentInput } from '../../server/outbound/content.ts'
import { createRender } from '../../server/outbound/render.ts'
import { lookAt } from '../../server/outbound/look.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import type { SendInput } from '../../server/outbound/submission.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { atOnce } from '../../server/outbound/timing.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { addressKey } from '../../server/model/address.ts'
import { insertAllowlistEntry } from '../../server/store/allowlist.ts'
import { newId } from '../../server/model/ids.ts'
import { noteReceived, noteSent } from '../../server/store/correspondents.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById, findingsOf } from '../../server/store/emails.ts'
import { eventsAfter } from '../../server/store/events.ts'
import { listLog } from '../../server/store/log.ts'
import { makePdf, makeZip } from '../support/office-files.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000
const [bo, cy, dee] = ['bo@remote.test', 'cy@else.test', 'dee@far.test'].map(address) as [
  ReturnType<typeof address>,
  ReturnType<typeof address>,
  ReturnType<typeof address>,
]
const card = '4111 1111 1111 1111'
const pem = ['-----BEGIN ', 'PRIVATE KEY-----'].join('')
// Patient: the machine of a test may be busy.
const readText = createTextReader({ clock: systemClock, limitMs: 60_000 })

describe('what the outgoing checks look at', () => {
  const render = createRender(systemClock)
  const kindsIn = async (
    change: { subject?: string; markdown?: string; attachments?: AttachmentInput[]; cc?: number; mostSeen?: number },
    deps: Partial<Parameters<typeof lookAt>[0]> = {},
  ): Promise<[FindingKind, string][]> => {
    const { subject = 'Hello', markdown = 'Hi', attachments = [], cc = 0, mostSeen } = change
    const content = {
      to: [bo],
      cc: Array.from({ length: cc }, (_, at) => address(`p${at}@remote.test`)),
      bcc: [],
      subject,
      markdown,
      attachments,
    }
    const html = await render(markdown)
    if (!html.ok) throw new Error(html.code)
    const found = await lookAt(
      { clock: systemClock, log: silentLog, readText, ...(mostSeen && { mostSeen }), ...deps },
      content,
      html.value,
    )
    return found.map(({ kind, where }) => [kind, where])
  }
  const file = (name: string, content: Buffer | string, contentType = 'text/plain'): AttachmentInput => ({
    name,
    contentType,
    content: Buffer.from(content),
  })

  it('is nothing to speak of in an ordinary letter', async () => {
    expect(
      await kindsIn({
        markdown:
          '# Hello\n\nYour order **1234** of 2026-03-02 leaves [today](https://shop.test/?order=1234).\n\n| a | b |\n|---|---|\n| 1 | 2 |',
      }),
    ).toEqual([])
    expect(
      await kindsIn({ attachments: [file('order.txt', '1 box'), file('order.pdf', makePdf('1 box')), file('empty.bin', '')] }),
    ).toEqual([])
  })

  it('is the subject, the text, and the names and texts of attachments, each by its place', async () => {
    expect(await kindsIn({ subject: `Card ${card}` })).toEqual([['card_number', 'the subject']])
    expect(await kindsIn({ markdown: `Hi\n\n${card}` })).toEqual([['card_number', 'the text, line 3']])
    expect(await kindsIn({ attachments: [file(`${card}.txt`, '1 box')] })).toEqual([['card_number', 'the name of attachment 1']])
    expect(await kindsIn({ attachments: [file('a.txt', 'x'), file('b.txt', `one\n${pem}`)] })).toEqual([
      ['private_key', 'attachment 2 (b.txt), line 2'],
    ])
    expect(await kindsIn({ attachments: [file('a.pdf', makePdf(card), 'application/pdf')] })).toEqual([
      ['card_number', 'attachment 1 (a.pdf)'],
    ])
    const office = makeZip({ 'word/document.xml': `<w:document><w:p><w:r><w:t>${card}</w:t></w:r></w:p></w:document>` })
    expect(await kindsIn({ attachments: [file('a.docx', office)] })).toMatchObject([['card_number', 'attachment 1 (a.docx)']])
  })

  it('is what Markdown makes of it too', async () => {
    expect(await kindsIn({ markdown: '4111 1111 **1111** 1111' })).toMatchObject([
      ['card_number', expect.stringContaining('as it will be shown')],
    ])
    expect(await kindsIn({ markdown: '&#52;111 1111 1111 1111' })).toMatchObject([
      ['card_number', expect.stringContaining('as it will be shown')],
    ])
    // Found in the text, it is not found again.
    expect(await kindsIn({ markdown: card })).toHaveLength(1)
    expect(await kindsIn({ markdown: `${'word '.repeat(20_000)} 4111 **1111** 1111 1111` })).toMatchObject([
      ['card_number', expect.stringContaining('as it will be shown')],
    ])
  })

  it('is whom the addresses are shown to', async () => {
    expect(await kindsIn({ cc: 3, mostSeen: 3 })).toEqual([['many_recipients', 'To and Cc, 4 addresses']])
    expect(await kindsIn({ cc: 2, mostSeen: 3 })).toEqual([])
  })

  it('is what a page would fetch', async () => {
    const page = '<p>Hi<img src="https://evil.test/p.gif"></p>'
    expect(await kindsIn({ attachments: [file('a.html', page, 'text/html')] })).toMatchObject([
      ['remote_image', expect.stringContaining('a.html')],
    ])
    expect(await kindsIn({ attachments: [file('a.dat', `<!DOCTYPE html><html>${page}</html>`, 'text/plain')] })).toMatchObject([
      ['remote_image', expect.anything()],
    ])
    expect(await kindsIn({ attachments: [file('a.html', `<script>var k = "${pem}"</script>`, 'text/html')] })).toMatchObject([
      ['private_key', expect.stringContaining('its source')],
    ])
    // In the text a picture becomes a link, which nobody fetches, and its words are words.
    expect(await kindsIn({ markdown: '![a](https://evil.test/p.gif)' })).toEqual([])
    expect(await kindsIn({ markdown: 'Put src="https://a.test/" or [this](https://a.test/?src=https://b.test) there' })).toEqual([])
  })

  it('is a page by whatever shows that it is one, in whatever it is written', async () => {
    const page = '<p>Hi<img src="https://evil.test/p.gif"></p>'
    const svg = '<svg xmlns="http://www.w3.org/2000/svg"><image href="https://evil.test/p"/></svg>'
    for (const one of [
      file('a.html', Buffer.from(`\ufeff${page}`, 'utf16le'), 'text/html'),
      file('a.txt', Buffer.from(`\ufeff<html>${page}`, 'utf16le')),
      file('a.txt', svg),
      file('a.svg', svg, 'application/octet-stream'),
      file('a.dat', page, 'application/xhtml+xml'),
      file('a.shtml', page),
    ])
      expect(await kindsIn({ attachments: [one] })).toMatchObject([['remote_image', expect.stringContaining('its source')]])
  })

  it('is no text in which nobody could read anything', async () => {
    // A generator of the numerical recipes: each octet is as likely as any other.
    let state = 1
    const noise = Buffer.from(Array.from({ length: 4000 }, () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24 || 1))
    const without = noise.map((octet) => ((octet & 0x7f) < 0x20 || octet === 0x7f ? octet | 0x60 : octet))
    for (const content of [
      noise,
      noise.subarray(0, 200),
      without,
      Buffer.concat([Buffer.from([0xff, 0xfe]), noise]),
      noise.map((octet) => octet & 0x7f),
      Buffer.concat([Buffer.from('<html><p>'), noise]),
    ])
      expect(await kindsIn({ attachments: [file('a.txt', Buffer.from(content))] })).toContainEqual([
        'not_looked_at',
        expect.stringContaining('hardly a text'),
      ])
    for (const content of [
      Buffer.from('Où êtes-vous allé cet été, là-bas ?', 'latin1'),
      Buffer.from('é', 'latin1'),
      Buffer.from('\ufeffПривет, как дела?', 'utf16le'),
      Buffer.from('Привет, как дела?\f\u001b[1m!'),
    ])
      expect(await kindsIn({ attachments: [file('a.txt', content)] })).toEqual([])
  })

  it('is no message in a file, whose parts are encoded', async () => {
    const eml = 'Subject: Hi\r\nContent-Transfer-Encoding: base64\r\n\r\nSGk='
    for (const one of [file('a', eml, 'message/rfc822'), file('a.EML', eml), file('a', eml, 'multipart/mixed')])
      expect(await kindsIn({ attachments: [one] })).toEqual([['not_looked_at', expect.stringContaining('not taken apart')]])
    const plain = file('a.eml', `Subject: Hi\r\n\r\n${pem}`)
    expect((await kindsIn({ attachments: [plain] })).map(([kind]) => kind)).toEqual(['private_key', 'not_looked_at'])
  })

  it('or it says what it did not look at', async () => {
    const notLookedAt = (why: string) => [['not_looked_at', expect.stringContaining(why)]]
    const image = file('a.png', Buffer.from('89504e470d0a1a0a0000000d49484452', 'hex'), 'image/png')
    expect(await kindsIn({ attachments: [image] })).toEqual(notLookedAt('no file whose text can be read'))
    expect(await kindsIn({ attachments: [file('a.zip', makeZip({ 'a.txt': card }))] })).toEqual(
      notLookedAt('no file whose text can be read'),
    )
    expect(await kindsIn({ attachments: [file('a.docx', makeZip({ 'word/document.xml': '<w/>' }, { flags: 1 }))] })).toEqual(
      notLookedAt('encrypted'),
    )
    expect(await kindsIn({ attachments: [file('a.pdf', '%PDF-1.7\nbroken')] })).toEqual(notLookedAt('cannot be read'))
    const long = file('a.txt', 'word '.repeat(500_000))
    expect(await kindsIn({ attachments: [long, file('b.txt', 'short')] })).toEqual([
      ['not_looked_at', expect.stringContaining('attachment 1 (a.txt): it is longer')],
      ['not_looked_at', expect.stringContaining('attachment 2 (b.txt): there is more')],
    ])
    expect(await kindsIn({ attachments: [file('a.txt', 'x')] }, { readText: undefined as never })).toEqual(notLookedAt('a.txt'))
  })

  it('and does not repeat a name in which something was found', async () => {
    const kinds = await kindsIn({ attachments: [file(`${card}.bin`, Buffer.from('89504e470d0a1a0a', 'hex'), 'image/png')] })
    expect(kinds).toEqual([
      ['card_number', 'the name of attachment 1'],
      ['not_looked_at', expect.stringContaining('attachment 1: it is no file')],
    ])
  })

  it('and a key is found however much else there is', async () => {
    const ibans = Array.from({ length: 80 }, (_, at) => `${'\n'.repeat(at)}DE89 3704 0044 0532 0130 00 ${'word '.repeat(2000)}`)
    const kinds = (await kindsIn({ markdown: ibans.join('\n'), attachments: [file('a.txt', pem)] })).map(([kind]) => kind)
    expect(kinds.filter((kind) => kind === 'bank_account').length).toBeLessThanOrEqual(50)
    expect(kinds[0]).toBe('private_key')
  })

  it('and a check that fails is a finding', async () => {
    const broken = () => Promise.reject(new Error('broken'))
    expect(await kindsIn({ attachments: [file('a.txt', 'x')] }, { readText: broken })).toEqual([
      ['not_looked_at', 'the email: a check failed'],
    ])
    const clock = createVirtualClock(start)
    const never = () => {
      queueMicrotask(() => void clock.advance(30_000))
      return new Promise<never>(() => undefined)
    }
    expect(await kindsIn({ attachments: [file('a.txt', 'x'), file('b.txt', 'y')] }, { clock, readText: never })).toMatchObject([
      ['not_looked_at', expect.stringContaining('a.txt')],
      ['not_looked_at', expect.stringContaining('b.txt')],
    ])
    const busy = () => Promise.resolve({ ok: false, code: 'UNAVAILABLE' } as const)
    expect(await kindsIn({ attachments: [file('a.txt', 'x')] }, { readText: busy })).toMatchObject([
      ['not_looked_at', expect.stringContaining('too many files')],
    ])
  })
})

describeOnEachEngine('an email that a check found something in', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let submissions: Submissions
  const times = { holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour }

  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    submissions = createSubmissions({ store, clock, log: silentLog, onReleased: () => {}, ...times, mostSeen: 3, readText })
  })
  let count = 0
  const letter = (office: Office, change: Partial<SendInput> = {}): SendInput => ({
    mailbox: office.mailbox.id,
    to: [bo],
    subject: `Hello ${(count += 1)}`,
    markdown: 'Hi',
    ...change,
  })
  const outcome = async (
    result: Promise<{ ok: true; value: { status: string; rule: string | null } } | { ok: false; code: string; detail?: string }>,
  ) => {
    const ended = await result
    return ended.ok ? [ended.value.status, ended.value.rule] : [ended.code, ended.detail]
  }
  const actionsOf = async (office: Office) =>
    (await listLog(store.db, office.tenancy, { limit: 50 })).map(({ action }) => action).toReversed()
  const due = () => createScheduler({ store, clock, log: silentLog, onReleased: () => {}, ...times }).run()
  const listed = (office: Office) =>
    store.transaction((tx) =>
      insertAllowlistEntry(tx, {
        id: newId('allowlistEntry', start),
        account_id: office.tenancy.accountId,
        world: 'live',
        mailbox_id: office.mailbox.id,
        pattern: addressKey(bo),
        note: null,
        added_by: 'x',
        added_at: start,
      }),
    )

  it.each(['gated_send', 'gated_new', 'monitored', 'autonomous'] as const)(
    'waits for a person in a %s mailbox that would have sent it',
    async (mode: OversightMode) => {
      const office = await openOffice(store, start, { mode })
      await listed(office)
      expect((await outcome(submissions.send(office.agent, letter(office))))[0]).toBe('sent')
      const [status, rule] = await outcome(submissions.send(office.agent, letter(office, { markdown: `My card: ${card}` })))
      expect(status).toBe('pending_send_approval')
      expect(rule).toBe('An outgoing check found a payment card number: a reviewer decides, whatever the mode of the mailbox.')
    },
  )

  it('tells the reviewer what and where, the agent only of what kind, and the hashed record no more', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const sent = await submissions.send(office.agent, letter(office, { markdown: `My card: ${card}` }))
    if (!sent.ok) throw new Error(sent.code)
    const email = await emailById(store.db, sent.value.id)
    expect(findingsOf(email!)).toEqual([{ kind: 'card_number', where: 'the text', excerpt: '4111…1111' }])
    expect(email!.oversight_said).toBe('approved')
    const [held] = await listLog(store.db, office.tenancy, { limit: 1 })
    expect(held).toMatchObject({
      action: 'email.held',
      details: { findings: [{ kind: 'card_number', where: 'the text', excerpt: '4111…1111' }] },
    })
    const whole = JSON.stringify([sent, held?.metadata, (await eventsAfter(store.db, 0, 50)).map((event) => event.data_json)])
    expect(whole).not.toContain('4111')
  })

  it('is never sent when it is a key, and leaves a trace', async () => {
    const office = await openOffice(store, start, { mode: 'gated_send' })
    expect(await outcome(submissions.send(office.agent, letter(office, { markdown: pem })))).toEqual([
      'CONTENT_BLOCKED',
      'An outgoing check found a private key: this is never sent.',
    ])
    expect(await store.db.selectFrom('emails').select('id').execute()).toEqual([])
    const [blocked, ...others] = await listLog(store.db, office.tenancy, { limit: 50 })
    expect(others).toEqual([])
    expect(blocked).toMatchObject({
      action: 'email.blocked',
      resourceId: office.mailbox.id,
      metadata: { findings: ['private_key'], mailbox_id: office.mailbox.id, email_id: null },
      details: { to: [bo], findings: [{ kind: 'private_key', where: 'the text' }] },
    })
    const [event] = await eventsAfter(store.db, 0, 50)
    expect(event).toMatchObject({ type: 'oversight.blocked', mailbox_id: office.mailbox.id })
    expect(JSON.parse(event!.data_json)).toEqual({
      mailbox_id: office.mailbox.id,
      email_id: null,
      rule: expect.stringContaining('a private key'),
      findings: ['private_key'],
    })
  })

  it('is not on the record by a subject that has it', async () => {
    const office = await openOffice(store, start, { mode: 'gated_send' })
    const token = ['gh', 'p_', 'aB3dE5gH7jK9mN1pQ2sT4vW6yZ8bC0fXqRtUiO'].join('')
    expect((await outcome(submissions.send(office.agent, letter(office, { subject: `Use ${token}` }))))[0]).toBe('CONTENT_BLOCKED')
    const [blocked] = await listLog(store.db, office.tenancy, { limit: 1 })
    expect(blocked?.action).toBe('email.blocked')
    expect(JSON.stringify([blocked, await eventsAfter(store.db, 0, 50)])).not.toContain(token.slice(6, 20))
    await submissions.send(office.agent, letter(office, { subject: 'Keys', markdown: token }))
    expect((await listLog(store.db, office.tenancy, { limit: 1 }))[0]?.details).toMatchObject({ subject: 'Keys' })
  })

  it('is looked at whichever way it comes: drafts, replies, replies to all, forwards', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const parent = await office.arrived({ markdown: `My card is ${card}` })
    const email = parent.id
    const held = ['pending_send_approval', expect.stringContaining('payment card')]
    expect(await outcome(submissions.reply(office.agent, { email, markdown: card }))).toEqual(held)
    expect(await outcome(submissions.reply(office.agent, { email, markdown: `all ${card}`, toAll: true }))).toEqual(held)
    expect(await outcome(submissions.forward(office.agent, { email, to: [cy], markdown: 'For you', asAttachment: false }))).toEqual(held)
    expect(await outcome(submissions.forward(office.agent, { email, to: [cy], markdown: 'For you', asAttachment: true }))).toEqual([
      'pending_send_approval',
      expect.stringContaining('could not be looked into'),
    ])
    const draft = await submissions.draftReply(office.agent, { email, markdown: pem })
    if (!draft.ok) throw new Error(draft.code)
    expect((await outcome(submissions.sendDraft(office.agent, { draft: draft.value.id })))[0]).toBe('CONTENT_BLOCKED')
    // It stays a draft.
    expect((await emailById(store.db, draft.value.id))?.status).toBe('draft')
    expect((await listLog(store.db, office.tenancy, { limit: 1 }))[0]).toMatchObject({ metadata: { email_id: draft.value.id } })
    expect(await outcome(submissions.reply(office.agent, { email, markdown: 'Thank you' }))).toEqual(['sent', expect.any(String)])
  })

  it('waits when its time has come, and an edit of it is looked at anew', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const timing = { ...atOnce, sendAt: start + hour, gateTiming: 'schedule_first' as const }
    const scheduled = async (markdown: string) => {
      const sent = await submissions.send(office.agent, letter(office, { markdown, timing }))
      if (!sent.ok) throw new Error(sent.code)
      return sent.value.id
    }
    const [bad, worse, better, never] = [await scheduled(card), await scheduled('Hi'), await scheduled(`${card}!`), await scheduled('Ho')]
    expect(await outcome(submissions.edit(office.agent, { email: worse, markdown: `Now ${card}` }))).toEqual(['scheduled', null])
    expect(await outcome(submissions.edit(office.agent, { email: better, markdown: 'Now none' }))).toEqual(['scheduled', null])
    expect(await outcome(submissions.edit(office.agent, { email: never, markdown: pem }))).toEqual(['CONTENT_BLOCKED', expect.any(String)])
    await clock.advance(hour)
    await due()
    const statusOf = async (id: typeof bad) => (await emailById(store.db, id))?.status
    expect(await Promise.all([bad, worse, better, never].map(statusOf))).toEqual([
      'pending_send_approval',
      'pending_send_approval',
      'sent',
      'sent',
    ])
    expect(await actionsOf(office)).toContain('email.blocked')
  })

  it('that is older than the checks counts as not looked at', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const sent = await submissions.send(office.agent, letter(office, { timing: { ...atOnce, sendAt: start + hour } }))
    if (!sent.ok) throw new Error(sent.code)
    await store.db.updateTable('emails').set({ findings_json: null }).execute()
    await clock.advance(hour)
    await due()
    expect((await emailById(store.db, sent.value.id))?.status).toBe('pending_send_approval')
  })

  it('is the same one when its idempotency key comes again', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const same = letter(office, { markdown: card, idempotencyKey: 'one' })
    const [one, other] = await Promise.all([submissions.send(office.agent, same), submissions.send(office.agent, same)])
    expect(one.ok && other.ok && one.value.id === other.value.id).toBe(true)
  })
})

describeOnEachEngine('a gated_new mailbox', (openStore) => {
  const open = async () => {
    const store = await openStore()
    const clock = createVirtualClock(start)
    const submissions = createSubmissions({
      store,
      clock,
      log: silentLog,
      onReleased: () => {},
      holdExpiryMs: 72 * hour,
      giveUpAfterMs: 120 * hour,
      readText,
    })
    const office = await openOffice(store, start, { mode: 'gated_new' })
    let count = 0
    const sendTo = async (to: (typeof bo)[], change: Partial<SendInput> = {}) => {
      const sent = await submissions.send(office.agent, {
        mailbox: office.mailbox.id,
        to,
        subject: `Hello ${(count += 1)}`,
        markdown: 'Hi',
        ...change,
      })
      return sent.ok ? sent.value.status : sent.code
    }
    const mailboxId = office.mailbox.id
    const wroteTo = (...addresses: string[]) => store.transaction((tx) => noteSent(tx, { mailboxId, addresses, now: start }))
    const wrote = (from: string, verified: boolean) =>
      store.transaction((tx) => noteReceived(tx, { mailboxId, address: from, verified, now: start }))
    return { store, submissions, office, sendTo, wroteTo, wrote }
  }

  it('asks about the first email to somebody, and about every recipient', async () => {
    const { sendTo, wroteTo } = await open()
    expect(await sendTo([bo])).toBe('pending_send_approval')
    await wroteTo(bo)
    expect(await sendTo([address('BO@remote.test')])).toBe('sent')
    expect(await sendTo([bo, cy])).toBe('pending_send_approval')
    expect(await sendTo([bo], { cc: [cy] })).toBe('pending_send_approval')
    expect(await sendTo([bo], { bcc: [cy] })).toBe('pending_send_approval')
    expect(await sendTo([address('bob@remote.test')])).toBe('pending_send_approval')
  })

  it('knows those whose mail to it was proved to be theirs, and nobody whose was not', async () => {
    const { sendTo, wrote } = await open()
    await wrote(bo, false)
    expect(await sendTo([bo])).toBe('pending_send_approval')
    await wrote(bo, true)
    expect(await sendTo([bo])).toBe('sent')
  })

  it('says of what it lets go that nobody looked at it', async () => {
    const { store, sendTo, wroteTo } = await open()
    await wroteTo(bo)
    await sendTo([bo])
    expect(await store.db.selectFrom('emails').select('oversight_said').execute()).toEqual([{ oversight_said: 'autonomous' }])
    expect(await store.db.selectFrom('releases').select('rule').execute()).toEqual([
      { rule: 'The mailbox is gated_new, and it has had mail with every recipient before.' },
    ])
  })

  it('asks before somebody is brought into a conversation, whoever they are', async () => {
    const { submissions, office, wroteTo } = await open()
    await wroteTo(bo, cy, dee)
    const { id: email } = await office.arrived({ from_address: bo, cc_json: JSON.stringify([{ address: dee }]), status: 'read' })
    const statusOf = async (sent: ReturnType<Submissions['reply']>) => {
      const ended = await sent
      return ended.ok ? [ended.value.status, ended.value.rule] : [ended.code]
    }
    expect(await statusOf(submissions.reply(office.agent, { email, markdown: 'one' }))).toEqual(['sent', expect.any(String)])
    expect(await statusOf(submissions.reply(office.agent, { email, markdown: 'two', cc: [dee] }))).toEqual(['sent', expect.any(String)])
    expect(await statusOf(submissions.reply(office.agent, { email, markdown: 'three', cc: [cy] }))).toMatchObject([
      'pending_send_approval',
      expect.stringContaining('no part in the conversation'),
    ])
    expect(await statusOf(submissions.forward(office.agent, { email, to: [dee], markdown: 'four', asAttachment: false }))).toEqual([
      'pending_send_approval',
      expect.stringContaining('no part in the conversation'),
    ])
  })

  it('lets its allow-list pass as well, copies included', async () => {
    const { store, office, sendTo } = await open()
    const entry = {
      account_id: office.tenancy.accountId,
      world: 'live' as const,
      mailbox_id: office.mailbox.id,
      note: null,
      added_by: 'x',
      added_at: start,
    }
    await store.transaction((tx) => insertAllowlistEntry(tx, { ...entry, id: newId('allowlistEntry', start), pattern: '*@remote.test' }))
    expect(await sendTo([bo])).toBe('sent')
    expect(await sendTo([cy])).toBe('pending_send_approval')
  })
})
