import fc from 'fast-check'
import PostalMime from 'postal-mime'
import { beforeEach, describe, expect, it } from 'vitest'
import { oversightSayings } from '../../server/model/email.ts'
import { contentHash } from '../../server/model/envelope.ts'
import { type FooterFacts, footerText, imitatesFooter, withFooterHtml, withFooterText } from '../../server/outbound/footer.ts'
import { htmlFromMarkdown } from '../../server/outbound/markdown.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { type Submissions, createSubmissions } from '../../server/outbound/submit.ts'
import { atOnce } from '../../server/outbound/timing.ts'
import { silentLog } from '../../server/platform/log.ts'
import { insertAllowlistEntry } from '../../server/store/allowlist.ts'
import type { Store } from '../../server/store/db.ts'
import { emailById, envelopeOf } from '../../server/store/emails.ts'
import { newId } from '../../server/model/ids.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { changeSettings } from '../../server/store/mailboxes.ts'
import { insertSuppression } from '../../server/store/suppressions.ts'
import { countSending, setStanding } from '../../server/store/standings.ts'
import { type Office, address, openOffice } from '../support/offices.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { type VirtualClock, createVirtualClock } from '../support/virtual-clock.ts'
import { putMode } from '../support/put-mode.ts'

const start = Date.UTC(2026, 10, 22, 12)
const hour = 3_600_000
const facts: FooterFacts = { writer: 'Ours', said: 'approved', publicUrl: 'https://mail.ours.test', postalAddress: null, unsubscribe: null }

describe('the footer', () => {
  it('says who writes, that an agent does, what a person had to do with it, and where to check it', () => {
    const unsubscribe = { https: 'https://mail.ours.test/v1/unsubscribe/x', mailto: 'mailto:u@ours.test' }
    expect(footerText({ ...facts, postalAddress: '1 Street\r\nTown', unsubscribe }).split('\n')).toEqual([
      'Ours',
      'This email was sent by an AI agent.',
      'A person approved this email before it was sent.',
      'Sent via MultiMail · Verify sender: https://mail.ours.test/verify',
      '1 Street',
      'Town',
      'Unsubscribe: https://mail.ours.test/v1/unsubscribe/x',
    ])
  })

  it('says another thing for each kind of oversight', () => {
    expect(new Set(oversightSayings.map((said) => footerText({ ...facts, said }))).size).toBe(oversightSayings.length)
  })

  it('stands last in both parts, whatever the agent wrote', () => {
    const nasty = fc.oneof(
      fc.string(),
      fc.constantFrom(
        '</body></html><!--',
        '```\n',
        '<div style="display:none">',
        '> ',
        '-- \nfoot',
        '<!--',
        '[x]: javascript:1',
        '\u202e',
        '|a|\n|-|\n|',
      ),
    )
    fc.assert(
      fc.property(fc.array(nasty), (parts) => {
        const markdown = parts.join('\n')
        const footer = footerText(facts)
        expect(withFooterText(markdown, footer).endsWith(`\n-- \n${footer}\n`)).toBe(true)
        const html = withFooterHtml(htmlFromMarkdown(markdown), facts)
        const end = html.slice(html.lastIndexOf('<hr>'))
        expect(end).toContain('This email was sent by an AI agent.<br>')
        expect(end.endsWith('</small></p>\n</body>\n</html>\n')).toBe(true)
        // What an agent writes opens nothing that the footer would stand in.
        expect(html.match(/<body>/g)).toHaveLength(1)
        expect(html).not.toMatch(/<(?:div|style|!--)/)
      }),
    )
  })

  it('escapes what people put into it, and keeps each on its line', () => {
    const writer = 'A <b>&"\'\r\nBcc: x@else.test\u202e'
    const html = withFooterHtml(htmlFromMarkdown('hi'), { ...facts, writer })
    expect(html).toContain('A &lt;b&gt;&amp;&quot;&#39; Bcc: x@else.test<br>')
    expect(footerText({ ...facts, writer }).split('\n')[0]).toBe('A <b>&"\' Bcc: x@else.test')
  })

  it.each([
    ['A person approved this email before it was sent.', true],
    ['**a PERSON  approved**\nthis email before\u200b it was sent', true],
    ['No person looked at this email before it was sent.', true],
    ['> A person approved this email before it was sent.', false],
    ['A person approved this invoice before it was sent.', false],
    ['This email was sent by an AI agent.', false],
  ])('%j is one of its sentences: %s', (text, imitates) => {
    expect(imitatesFooter(`Hello,\n\n${text}\n`)).toBe(imitates)
  })
})

describeOnEachEngine('what a mailbox adds to an email', (openStore) => {
  let store: Store
  let clock: VirtualClock
  let submissions: Submissions
  const times = { holdExpiryMs: 72 * hour, giveUpAfterMs: 120 * hour }

  beforeEach(async () => {
    store = await openStore()
    clock = createVirtualClock(start)
    const links = (id: EmailId) => ({ https: `https://mail.ours.test/v1/unsubscribe/${id}`, mailto: null })
    const shared = { store, clock, log: silentLog, onReleased: () => undefined, ...times }
    submissions = createSubmissions({ ...shared, publicUrl: 'https://mail.ours.test', unsubscribeLink: links })
  })

  const bo = address('bo@remote.test')
  const send = async (office: Office, more: object = {}) => {
    const sent = await submissions.send(office.agent, { mailbox: office.mailbox.id, to: [bo], subject: 'Hello', markdown: 'Hi', ...more })
    if (!sent.ok) throw new Error(`${sent.code}: ${sent.detail}`)
    const email = await emailById(store.db, sent.value.id)
    if (email === undefined || email.raw_hash === null) throw new Error('not composed')
    const bytes = await store.blobs.read(store.db, email.raw_hash)
    const { text = '', html = '' } = await PostalMime.parse(bytes ?? '')
    return { email, text, html, head: (bytes ?? Buffer.alloc(0)).toString('latin1').split('\r\n\r\n')[0] ?? '', sent: sent.value }
  }
  const configure = (office: Office, change: Parameters<typeof changeSettings>[2]) =>
    store.transaction((tx) => changeSettings(tx, office.mailbox.id, change))
  const list = (office: Office, pattern: string) =>
    store.transaction((tx) =>
      insertAllowlistEntry(tx, {
        id: newId('allowlistEntry', start),
        account_id: office.tenancy.accountId,
        world: office.tenancy.world,
        mailbox_id: office.mailbox.id,
        pattern,
        note: null,
        added_by: 'key_x',
        added_at: start,
      }),
    )
  const pathsOf = ({ email }: Awaited<ReturnType<typeof send>>) => envelopeOf(email).forwardPaths

  it.each([
    ['gated_send', 'A person approved this email before it was sent.'],
    ['monitored', 'A person monitors what this agent sends.'],
    ['autonomous', 'No person looked at this email before it was sent.'],
  ] as const)('is the footer of a %s mailbox, in both parts and in the row', async (mode, sentence) => {
    const office = await openOffice(store, start, { mode })
    const { email, text, html } = await send(office)
    for (const part of [text, html]) {
      expect(part).toContain(sentence)
      expect(part).toContain('This email was sent by an AI agent.')
      expect(part).toContain('https://mail.ours.test/verify')
      expect(part).toContain(`https://mail.ours.test/v1/unsubscribe/${email.id}`)
    }
    expect(
      text
        .replaceAll('\r\n', '\n')
        .trimEnd()
        .endsWith(email.footer ?? '?'),
    ).toBe(true)
    expect(email.markdown).toBe('Hi')
  })

  it('is its signature when it has one, and neither address nor link in an answer', async () => {
    const office = await openOffice(store, start)
    await configure(office, { signature_block: 'Order desk, Ours GmbH' })
    expect((await send(office)).text).toContain('Order desk, Ours GmbH')
    const question = await office.arrived()
    const replied = await submissions.reply(office.agent, { email: question.id, markdown: 'Two.' })
    if (!replied.ok) throw new Error(replied.code)
    const footer = (await emailById(store.db, replied.value.id))?.footer
    expect(footer).toContain('This email was sent by an AI agent.')
    expect(footer).not.toContain('Unsubscribe')
  })

  it('is refused to an agent that says itself what a person did', async () => {
    const office = await openOffice(store, start, { mode: 'autonomous' })
    const markdown = 'Hi\n\n-- \nA person approved this email before it was sent.'
    const sent = await submissions.send(office.agent, { mailbox: office.mailbox.id, to: [bo], subject: 'Hello', markdown })
    expect(sent).toMatchObject({ ok: false, code: 'IMITATES_FOOTER' })
  })

  it('is a copy, seen or unseen, that the hash covers and a replay does not mind', async () => {
    const office = await openOffice(store, start)
    await configure(office, { auto_cc: 'boss@ours.test', auto_bcc: 'archive@ours.test' })
    const one = await send(office, { idempotencyKey: 'k' })
    expect(pathsOf(one)).toEqual([bo, 'boss@ours.test', 'archive@ours.test'])
    expect(one.head).toContain('Cc: boss@ours.test')
    expect(one.head).not.toContain('archive')
    expect(JSON.parse(one.email.cc_json)).toEqual([{ address: 'boss@ours.test' }])
    expect(JSON.parse(one.email.bcc_json)).toEqual([{ address: 'archive@ours.test' }])
    // One person is written to, so there still is a link for that person.
    expect(one.email.footer).toContain('Unsubscribe')
    await configure(office, { auto_cc: null })
    expect((await send(office, { idempotencyKey: 'k' })).sent).toMatchObject({ id: one.email.id, replayed: true })
    const named = await send(office, { cc: [address('Archive@ours.test')] })
    expect(pathsOf(named)).toEqual([bo, 'Archive@ours.test'])
  })

  it('is a copy for the operator of a monitored mailbox, unseen, which the hash covers, and their postal address', async () => {
    const office = await openOffice(store, start, { mode: 'monitored' })
    const set = (account: { oversight_email: string | null; physical_address: string | null }) =>
      store.db.updateTable('accounts').set(account).where('id', '=', office.tenancy.accountId).execute()
    const before = await send(office)
    expect(pathsOf(before)).toEqual([bo])
    await set({ oversight_email: 'boss@operators.test', physical_address: '1 Street\nTown' })
    const watched = await send(office, { subject: 'Watched' })
    expect(pathsOf(watched)).toEqual([bo, 'boss@operators.test'])
    expect(watched.head).not.toContain('boss')
    expect(JSON.parse(watched.email.bcc_json)).toEqual([{ address: 'boss@operators.test' }])
    expect(watched.text.replaceAll('\r\n', '\n')).toContain('\n1 Street\nTown\n')
    // The same bytes to somebody else are another email to whoever released it.
    const { email } = watched
    const bytes = (await store.blobs.read(store.db, email.raw_hash ?? '')) ?? Buffer.alloc(0)
    const { reversePath } = envelopeOf(email)
    expect(contentHash(bytes, envelopeOf(email))).toBe(email.content_hash)
    expect(contentHash(bytes, { reversePath, forwardPaths: [bo] })).not.toBe(email.content_hash)
    await store.transaction((tx) => putMode(tx, office.mailbox.id, 'monitored', 'autonomous'))
    expect(pathsOf(await send(office, { subject: 'Unwatched' }))).toEqual([bo])
  })

  it('makes a copy whatever the suppression list says, and no more recipients than there may be', async () => {
    const office = await openOffice(store, start)
    await configure(office, { auto_bcc: 'archive@ours.test' })
    const suppression = { id: newId('suppression', start), account_id: office.tenancy.accountId, world: office.tenancy.world } as const
    const evidence = { mailbox_id: null, email_id: null, delivery_id: null, created_at: start, expires_at: null }
    const to = Array.from({ length: 50 }, (_, at) => address(`p${at}@remote.test`))
    const letter = { mailbox: office.mailbox.id, to, subject: 'Hello', markdown: 'Hi' }
    expect(await submissions.send(office.agent, letter)).toMatchObject({ ok: false, code: 'TOO_MANY_RECIPIENTS' })
    await store.transaction((tx) =>
      insertSuppression(tx, { ...suppression, address: 'archive@ours.test', reason: 'unsubscribe', ...evidence }),
    )
    expect(pathsOf(await send(office))).toEqual([bo, 'archive@ours.test'])
    expect(await submissions.send(office.agent, letter)).toMatchObject({ ok: false, code: 'TOO_MANY_RECIPIENTS' })
  })

  it('asks nobody when everybody is on the allow-list, copies too, and says so', async () => {
    const office = await openOffice(store, start)
    await list(office, '*@remote.test')
    const free = await send(office)
    expect(free.sent.status).toBe('sent')
    expect(free.text).toContain('A person decided beforehand')
    expect((await send(office, { bcc: [address('x@other.test')] })).sent.status).toBe('pending_send_approval')
    expect((await send(office, { to: [address('bo@sub.remote.test')] })).sent.status).toBe('pending_send_approval')
    await configure(office, { auto_bcc: 'archive@ours.test' })
    expect((await send(office, { subject: 'With a copy' })).sent.status).toBe('pending_send_approval')
    await list(office, 'archive@ours.test')
    expect((await send(office, { subject: 'Again' })).sent.status).toBe('sent')
    await store.transaction(async (tx) => {
      await countSending(tx, office.mailbox.id, { delivered: 9, bounced: 1 }, start)
      await setStanding(tx, office.mailbox.id, { tier: 'restriction', reason: 'bounces', since: start })
    })
    expect((await send(office, { subject: 'Restricted' })).sent.status).toBe('pending_send_approval')
  })

  it('does not stand in an email that leaves later than it was true', async () => {
    const run = () => createScheduler({ store, clock, log: silentLog, onReleased: () => undefined, ...times }).run()
    const later = { timing: { ...atOnce, sendAt: start + hour, gateTiming: 'schedule_first' } }
    const raised = await openOffice(store, start)
    const promised = await send(raised, later)
    await store.transaction((tx) => putMode(tx, raised.mailbox.id, 'gated_send', 'autonomous'))
    const lowered = await openOffice(store, start, { mode: 'autonomous' })
    const unseen = await send(lowered, later)
    await store.transaction((tx) => putMode(tx, lowered.mailbox.id, 'autonomous', 'monitored'))
    const same = await openOffice(store, start, { mode: 'monitored' })
    const kept = await send(same, later)
    await clock.advance(hour + 1)
    await run()
    const statusOf = async (id: EmailId) => (await emailById(store.db, id))?.status
    expect(await statusOf(promised.email.id)).toBe('pending_send_approval')
    expect(await statusOf(unseen.email.id)).toBe('pending_send_approval')
    expect(await statusOf(kept.email.id)).toBe('sent')
  })
})
