import { readFile, readdir } from 'node:fs/promises'
import { expect, it } from 'vitest'
import { oversightModes } from '../../server/model/email.ts'
import { setStanding } from '../../server/store/standings.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const hour = 3_600_000
const letter = { to: ['bo@remote.test'], subject: 'Hello', markdown: 'Hi' }

const giveOperator = (desk: Desk, oversight_email: string | null): Promise<unknown> =>
  desk.store.transaction((tx) => tx.updateTable('accounts').set({ oversight_email }).where('id', '=', desk.ours.accountId).execute())
/** The codes that were mailed, oldest first. */
const mailed = async (desk: Desk): Promise<{ code: string; recipient: string; body: string }[]> => {
  const rows = await desk.store.db.selectFrom('operator_mails').selectAll().orderBy('id').execute()
  return rows.map(({ body, recipient }) => ({ body, recipient, code: /code: (\S+)/.exec(body)?.[1] ?? '' }))
}

describeOnEachEngine('the ladder', (openStore) => {
  const open = async () => {
    const desk = await openDesk(openStore)
    await giveOperator(desk, 'boss@operators.test')
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    return { desk, keys: desk.ours.keys, path }
  }
  const modeOf = async (desk: Desk) =>
    (await desk.call(desk.ours.keys.admin, 'GET', `/v1/mailboxes/${desk.ours.gated.id}`)).body['oversight_mode']

  it('goes up by the code that a person got, once', async () => {
    const { desk, keys, path } = await open()
    const asked = await desk.call(keys.agent, 'POST', `${path}/request-upgrade`, { target_mode: 'autonomous' })
    expect(asked).toMatchObject({
      status: 200,
      body: { status: 'upgrade_requested', from_mode: 'gated_send', to_mode: 'autonomous', mailbox_id: desk.ours.gated.id },
    })
    const [mail] = await mailed(desk)
    expect(mail?.recipient).toBe('boss@operators.test')
    const code = mail?.code ?? ''
    expect(code).not.toBe('')
    // Who asks never sees it, and nothing but a salted hash stays.
    expect(JSON.stringify(asked.body)).not.toContain(code)
    expect(JSON.stringify(await desk.store.db.selectFrom('mode_upgrades').selectAll().execute())).not.toContain(code)
    expect(await modeOf(desk)).toBe('gated_send')
    const wrong = await desk.call(keys.agent, 'POST', `${path}/upgrade`, { code: 'AAAA-AAAA' })
    expect(wrong).toMatchObject({ status: 403, body: { code: 'UPGRADE_CODE_WRONG' } })
    const applied = await desk.call(keys.agent, 'POST', `${path}/upgrade`, { code: code.toLowerCase().replace('-', '') })
    expect(applied).toMatchObject({
      status: 200,
      body: { status: 'upgraded', oversight_mode: 'autonomous', from_mode: 'gated_send', to_mode: 'autonomous' },
    })
    expect(await modeOf(desk)).toBe('autonomous')
    expect(await desk.call(keys.agent, 'POST', `${path}/upgrade`, { code })).toMatchObject({ status: 404 })
    const { body } = await desk.call(keys.admin, 'GET', '/get_audit_log?limit=100')
    const noted = (body['entries'] as { action: string; metadata: object }[]).filter(({ action }) => action.includes('upgrade'))
    expect(noted.map(({ action }) => action)).toEqual(['mailbox.upgraded', 'mailbox.upgrade_refused', 'mailbox.upgrade_requested'])
    for (const { metadata } of noted)
      expect(metadata).toMatchObject({ from_mode: 'gated_send', to_mode: 'autonomous', mailbox_id: desk.ours.gated.id })
  })

  it('is not climbed twice by one code, however many hand it in at once', async () => {
    const { desk, keys, path } = await open()
    await desk.call(keys.agent, 'POST', `${path}/request-upgrade`, { target_mode: 'monitored' })
    const code = (await mailed(desk))[0]?.code
    const answers = await Promise.all([1, 2, 3].map(() => desk.call(keys.agent, 'POST', `${path}/upgrade`, { code })))
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 404, 404])
    expect(await modeOf(desk)).toBe('monitored')
  })

  it('ends a code after five wrong ones, after a day, after another request, and when the mode was lowered', async () => {
    const { desk, keys, path } = await open()
    const ask = async () => {
      expect(await desk.call(keys.agent, 'POST', `${path}/request-upgrade`, { target_mode: 'autonomous' })).toMatchObject({ status: 200 })
      return (await mailed(desk)).at(-1)?.code ?? ''
    }
    const apply = async (code: string) => (await desk.call(keys.agent, 'POST', `${path}/upgrade`, { code })).status
    const burnt = await ask()
    for (let at = 0; at < 5; at += 1) expect(await apply('AAAA-AAAA')).toBe(403)
    expect(await apply(burnt)).toBe(404)
    const replaced = await ask()
    const late = await ask()
    expect(await apply(replaced)).toBe(403)
    await desk.clock.advance(24 * hour)
    expect(await apply(late)).toBe(404)
    const stale = await ask()
    await desk.call(keys.admin, 'PATCH', path, { oversight_mode: 'gated_all' })
    expect(await apply(stale)).toBe(404)
    expect(await modeOf(desk)).toBe('gated_all')
  })

  it('is asked for three times an hour, upwards only, and where somebody can be asked', async () => {
    const { desk, keys, path } = await open()
    const ask = (target_mode: string) => desk.call(keys.agent, 'POST', `${path}/request-upgrade`, { target_mode })
    for (const mode of ['gated_send', 'gated_all', 'read_only', 'yolo']) expect(await ask(mode)).toMatchObject({ status: 400 })
    for (let at = 0; at < 3; at += 1) expect(await ask('monitored')).toMatchObject({ status: 200 })
    const refused = await ask('monitored')
    expect(refused).toMatchObject({ status: 429 })
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
    await desk.clock.advance(hour)
    expect(await ask('monitored')).toMatchObject({ status: 200 })
    await giveOperator(desk, 'robot@ours.test')
    await desk.clock.advance(hour)
    // A mailbox of this server may be the agent's own.
    expect(await ask('monitored')).toMatchObject({ status: 409, body: { code: 'NO_OVERSIGHT_EMAIL' } })
    await giveOperator(desk, null)
    expect(await ask('monitored')).toMatchObject({ status: 409, body: { code: 'NO_OVERSIGHT_EMAIL' } })
  })

  it('is only for keys that send, and of a test key nothing is mailed', async () => {
    const { desk, keys, path } = await open()
    for (const key of [keys.reader, keys.reviewer])
      expect(await desk.call(key, 'POST', `${path}/request-upgrade`, { target_mode: 'monitored' })).toMatchObject({
        status: 403,
        body: { error: 'Requires send scope' },
      })
    const mailbox_id = desk.ours.test.id
    const asked = await desk.call(keys.test, 'POST', '/manage_upgrade', { mailbox_id, action: 'request', target_mode: 'autonomous' })
    expect(asked).toMatchObject({ status: 200, body: { sandbox_code: expect.any(String) } })
    expect(await mailed(desk)).toEqual([])
    const code = asked.body['sandbox_code']
    expect(await desk.call(keys.test, 'POST', '/manage_upgrade', { mailbox_id, action: 'apply', code })).toMatchObject({
      body: { status: 'upgraded' },
    })
    for (const wrong of [{ action: 'apply' }, { action: 'request' }, { action: 'request', target_mode: 'autonomous', code }])
      expect(await desk.call(keys.test, 'POST', '/manage_upgrade', { mailbox_id, ...wrong })).toMatchObject({ status: 400 })
  })

  it('does not lift what bounces led to', async () => {
    const { desk, keys, path } = await open()
    await desk.call(keys.agent, 'POST', `${path}/request-upgrade`, { target_mode: 'autonomous' })
    await desk.store.transaction((tx) => setStanding(tx, desk.ours.gated.id, { tier: 'restriction', reason: 'bounces', since: 0 }))
    await desk.call(keys.agent, 'POST', `${path}/upgrade`, { code: (await mailed(desk))[0]?.code })
    expect(await modeOf(desk)).toBe('autonomous')
    // Nothing bounced in the window, so the standing gets better by itself once somebody asks; what is restricted just now still waits.
    const row = await desk.store.db.selectFrom('mailbox_standings').selectAll().where('mailbox_id', '=', desk.ours.gated.id).execute()
    expect(row).toMatchObject([{ tier: 'restriction' }])
  })

  it('is the only way up: no other operation, given everything it takes, raises a mode', async () => {
    const { desk, keys, path } = await open()
    for (const mode of oversightModes.slice(3)) {
      const body = { oversight_mode: mode, mailbox_id: desk.ours.gated.id }
      for (const [method, route] of [
        ['PATCH', path],
        ['PATCH', `${path}/configure`],
        ['POST', '/update_mailbox'],
        ['POST', '/configure_mailbox'],
        ['POST', '/lift_enforcement'],
        ['POST', '/set_sending_settings'],
      ] as const)
        expect([route, (await desk.call(keys.admin, method, route, body)).status]).not.toEqual([route, 200])
    }
    expect(await modeOf(desk)).toBe('gated_send')
    expect((await desk.call(keys.agent, 'POST', `${path}/send`, letter)).status).toBe(202)
  })
})

it('a mode is written in these places only', async () => {
  const root = new URL('../../server/', import.meta.url)
  const files = (await readdir(root, { recursive: true })).filter((file) => file.endsWith('.ts'))
  const writers: string[] = []
  for (const file of files) {
    const text = await readFile(new URL(file, root), 'utf8')
    if (/\b(?:setMode|restoreAutonomy|lowerAutonomy)\(|\.set\(\{ oversight_mode/.test(text)) writers.push(file)
  }
  expect(writers.toSorted()).toEqual([
    'identity/mailbox-settings.ts', // downwards
    'outbound/control/pause.ts', // downwards
    'outbound/standing/lift.ts', // on the host
    'outbound/standing/standing.ts', // downwards
    'oversight/lowering/lower.ts', // downwards
    'oversight/upgrades.ts',
    'store/mailboxes.ts',
    'store/standings.ts',
  ])
})
