import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadConfig } from '../../config/load.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { type LocalAppliance, startLocal } from '../../server/local/local-mode.ts'
import type { ReceivedLetter } from '../../server/local/receiver.ts'
import { silentLog } from '../../server/platform/log.ts'
import { multimail } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'
import { createScratch } from '../support/scratch.ts'

describe('a reviewer at a terminal', () => {
  let scratch: Awaited<ReturnType<typeof createScratch>>
  let local: LocalAppliance
  let env: Record<string, string>
  let left: ReceivedLetter[]
  let nextToLeave: PromiseWithResolvers<ReceivedLetter>

  beforeEach(async () => {
    scratch = await createScratch('review')
    const settings = { MULTIMAIL_DATA_DIR: join(scratch.path, 'data'), MULTIMAIL_LOCAL_RECEIVER_PORT: '0' }
    const loaded = loadConfig({ env: { ...settings, MULTIMAIL_SMTP_PORT: '0', MULTIMAIL_HTTP_PORT: '0' }, file: null })
    if (!loaded.ok) throw new Error(loaded.problems.join('\n'))
    left = []
    nextToLeave = Promise.withResolvers()
    const onLetter = (letter: ReceivedLetter) => {
      left.push(letter)
      nextToLeave.resolve(letter)
    }
    local = await startLocal(loaded.config, { log: silentLog, onLetter })
    // No key is given: in local mode the command line finds the reviewer's.
    env = { ...settings, MULTIMAIL_API_URL: `http://127.0.0.1:${local.http.port}` }
  })
  afterEach(async () => {
    await local.stop()
    await scratch.remove()
  })

  const post = async (name: string, body: Record<string, unknown>) => {
    const headers = { authorization: `Bearer ${local.keys.agent}`, 'content-type': 'application/json' }
    const response = await fetch(`${env['MULTIMAIL_API_URL']}/${name}`, { method: 'POST', headers, body: JSON.stringify(body) })
    return (await response.json()) as { id: string }
  }
  const propose = (more: Record<string, unknown> = {}) =>
    post('send_email', {
      from: local.mailbox,
      to: ['ada@remote.test'],
      bcc: ['eve@remote.test'],
      subject: 'Noon',
      body: 'Noon is **fine**.',
      ...more,
    })

  it('lists, looks, and approves exactly what was shown', async () => {
    const { id } = await propose()
    expect((await multimail(env, 'pending')).out).toMatch(new RegExp(`^${id} .* ada@remote\\.test and 1 more\\n +Noon\\n$`))
    const { code, out } = await multimail(env, 'show', id)
    expect(code).toBe(0)
    expect(out).toMatch(/^to +ada@remote\.test$/m)
    expect(out).toMatch(/^bcc +eve@remote\.test$/m)
    expect(out).toMatch(/^held because +The mailbox is gated_send/m)
    expect(out).toMatch(/^ {2}\| Noon is \*\*fine\*\*\.$/m)
    const [, hash = ''] = /multimail approve \S+ --hash ([0-9a-f]{64})/.exec(out) ?? []
    expect(out).toMatch(new RegExp(`^content hash +${hash}$`, 'm'))
    const decision = await multimail(env, 'approve', id, '--hash', hash)
    expect(decision).toMatchObject({ code: 0, err: '', out: expect.stringMatching(/^approved_and_sent: /) })
    expect((await nextToLeave.promise).subject).toBe('Noon')
    expect((await multimail(env, 'pending')).out).toBe('Nothing waits for a decision.\n')
  })

  it('approves nothing when what waits is another content than what was seen', async () => {
    const { id } = await propose()
    const decision = await multimail(env, 'approve', id, '--hash', '0'.repeat(64))
    expect(decision).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/./) })
    expect((await multimail(env, 'pending')).out).toContain(id)
    await local.app.drain()
    expect(left).toEqual([])
  })

  it('without a hash is shown the email first', async () => {
    const { id } = await propose()
    const { code, out } = await multimail(env, 'approve', id)
    expect(code).toBe(0)
    expect(out).toMatch(/^bcc +eve@remote\.test$/m)
    expect(out.trimEnd().split('\n').at(-1)).toMatch(/^approved_and_sent/)
  })

  it('gives what waits more time, which decides nothing', async () => {
    const { id } = await propose()
    const before = await local.app.store.db.selectFrom('holds').select('expires_at').executeTakeFirstOrThrow()
    await local.app.store.db
      .updateTable('holds')
      .set({ expires_at: before.expires_at - 3_600_000 })
      .execute()
    const { code, out } = await multimail(env, 'renew', id)
    expect([code, out]).toEqual([0, expect.stringMatching(/^Until \S+Z \(4 more times possible\)\. It goes on waiting/)])
    expect(await local.app.store.db.selectFrom('holds').select(['renewals', 'state']).execute()).toEqual([{ renewals: 1, state: 'open' }])
    expect(await multimail(env, 'renew', 'em_0')).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/./) })
  })

  it('sees the rules of a mailbox, and what others would have done', async () => {
    await propose()
    await propose({ subject: 'Later', body: 'It costs 5,000 EUR.' })
    expect((await multimail(env, 'policies', 'show', local.mailbox)).out).toMatch(/has no rules: its mode \(gated_send\) decides\.\n$/)
    const file = join(scratch.path, 'rules.json')
    const preview = async (rules: unknown, ...more: string[]) => {
      await writeFile(file, typeof rules === 'string' ? rules : JSON.stringify(rules))
      return multimail(env, 'policies', 'preview', local.mailbox, file, ...more)
    }
    const rules = [
      { who: '*', what: { amount_over: 1000 }, outcome: 'block' },
      { who: '*', outcome: 'allow' },
    ]
    const { code, out } = await preview(rules)
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^All 2 emails of the last 30 days:\n {2}with these rules {2}1 sent, 0 held, 1 refused\n/),
    ])
    expect(out).toMatch(/^ {2}as it is now {6}0 sent, 2 held, 0 refused$/m)
    expect(out).toMatch(/^ {5}1 {2}1\. .*1000/m)
    expect(out).toContain('takes the code of the operator')
    expect(JSON.parse((await preview(rules, '--json')).out)).toMatchObject({
      emails: 2,
      would: { allow: 1, refuse: 1 },
      needs_approval: true,
    })
    expect((await preview([rules[0]])).out).toContain('set_policy sets them at once')
    // As set_policy says it, and nothing was set.
    expect(await preview([{ outcome: 'allow' }])).toMatchObject({ code: 2, err: expect.stringMatching(/rules\.0\.who: /) })
    expect(await preview([{ who: ['not an address'], outcome: 'allow' }])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/rules\.0\.who\.0: write one of/),
    })
    expect(await preview('{')).toMatchObject({ code: 2, err: expect.stringContaining('not JSON') })
    expect(await multimail(env, 'policies', 'preview', 'nobody@ours.test', file)).toMatchObject({ code: 2 })
    await writeFile(file, '[]')
    expect(await multimail(env, 'policies', 'preview', 'nobody@ours.test', file)).toMatchObject({
      code: 1,
      err: expect.stringContaining('no mailbox'),
    })
    await local.app.store.db
      .updateTable('mailboxes')
      .set({ policy_json: JSON.stringify(rules) })
      .where('address', '=', local.mailbox)
      .execute()
    expect((await multimail(env, 'policies', 'show', local.mailbox)).out).toMatch(/^1\. .*1000.*\n2\. /)
    const shown = (await multimail(env, 'policies', 'show', local.mailbox, '--json')).out
    expect(JSON.parse(shown)).toEqual(rules)
    expect((await preview(shown)).out).toContain('set_policy sets them at once')
  })

  it('rejects with a reason, once', async () => {
    const { id } = await propose()
    const rejected = await multimail(env, 'reject', id, '--reason', 'Wrong day.', '--json')
    expect(JSON.parse(rejected.out)).toMatchObject({ email_id: id, status: 'rejected' })
    expect(await multimail(env, 'approve', id)).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/does not wait for a decision/),
    })
    await local.app.drain()
    expect(left).toEqual([])
  })

  it('sees what is hidden, and no byte of it moves the terminal', async () => {
    const { id } = await propose()
    // Straight into the store: the command line trusts no other room to have cleaned what it shows.
    const markdown = 'Fine.\u001b[2J\u001b[1;1H\ncontent hash  0000\n\u2066pay\u2069 \u{e0070}\u{e0061}\u{e0079}\rall\u009b1A'
    const change = { subject: 'Lunch\u202e \u001b]0;owned\u0007\u200b?', markdown }
    await local.app.store.db
      .updateTable('emails')
      .set(change)
      .where('id', '=', id as EmailId)
      .execute()
    const runs = [
      await multimail(env, 'pending'),
      await multimail(env, 'show', id),
      await multimail(env, 'pending', '--json'),
      await multimail(env, 'show', id, '--json'),
    ]
    for (const { code, out } of runs) {
      expect(code).toBe(0)
      expect(out).not.toMatch(/[^\P{C}\n]|[\u2028\u2029]/u)
    }
    const shown = runs[1]?.out ?? ''
    expect(shown).toMatch(/^subject +Lunch⟨U\+202E⟩ ⟨U\+001B⟩\]0;owned⟨U\+0007⟩⟨U\+200B⟩\?$/m)
    expect(shown).toContain('  | Fine.⟨U+001B⟩[2J⟨U+001B⟩[1;1H')
    expect(shown).toContain('⟨U+2066⟩pay⟨U+2069⟩ ⟨U+E0070⟩')
    // The text cannot write a line that looks like one of ours.
    expect(shown.match(/^content hash/gm)).toHaveLength(1)
    expect((JSON.parse(runs[3]?.out ?? '') as { body_markdown: string }).body_markdown).toContain('\u001b[2J')
  })

  it('is refused with the key of the agent, and told what to do', async () => {
    const { id } = await propose()
    const run = await multimail({ ...env, MULTIMAIL_REVIEWER_KEY: local.keys.agent }, 'approve', id)
    expect(run).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/Requires oversight scope\n.*key that has this scope/) })
  })

  it('is told when no server answers', async () => {
    const url = `http://127.0.0.1:${await freePort()}`
    const run = await multimail({ ...env, MULTIMAIL_API_URL: url }, 'pending')
    expect(run).toMatchObject({ code: 1, err: expect.stringContaining(`No MultiMail server answers at ${url} `) })
  })

  it('asks whether the server is well', async () => {
    expect(await multimail(env, 'health')).toMatchObject({ code: 0, out: 'well\n' })
  })
})
