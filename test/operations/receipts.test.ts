import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CompiledQuery, sql } from 'kysely'
import { expect, it } from 'vitest'
import { runCli } from '../../server/cli/run.ts'
import { openCheckpoint } from '../../server/model/checkpoint.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { isConsistent, isIncluded } from '../../server/model/merkle.ts'
import { verifierKeyText } from '../../server/model/note.ts'
import type { Receipt } from '../../server/model/receipt.ts'
import type { Reply } from '../../server/model/reply.ts'
import { createScheduler } from '../../server/outbound/scheduled.ts'
import { silentLog } from '../../server/platform/log.ts'
import { verifyReceipt } from '../../server/record/receipt.ts'
import type { Tx } from '../../server/store/db.ts'
import { mailEntries, reviewEntries } from '../../server/store/log-mail.ts'
import { deliveriesOf } from '../../server/store/queue.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { logKey } from '../support/recorded.ts'
import { settle } from '../support/settled.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const day = 86_400_000
const accepted: Reply = { code: 250, status: '2.0.0', text: 'Ok: queued as 4XyZ' }
const keyText = verifierKeyText(logKey)

const sent = async (desk: Desk, key: string, letter: Record<string, unknown>): Promise<string> => {
  const answer = await desk.call(key, 'POST', '/send_email', { to: ['bo@remote.test'], subject: 'Hi', markdown: 'Hello', ...letter })
  expect(answer.status).toBeLessThan(300)
  return String(answer.body['id'])
}
const receiptOf = (desk: Desk, key: string, email: string): Promise<Answer> => desk.call(key, 'GET', `/get_receipt?email_id=${email}`)
/** Verified as somebody without our server does. */
function verified({ status, body }: Answer): Receipt {
  expect({ status, body }).toMatchObject({ status: 200 })
  const checked = verifyReceipt(JSON.stringify(body, null, 2), logKey)
  if (!checked.ok) throw new Error(`${checked.code} ${checked.detail}`)
  return checked.value.receipt
}

describeOnEachEngine('receipts', (openStore) => {
  it('of what a policy let go: its rule, and what the remote answered', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const email = await sent(desk, agent, { mailbox_id: desk.ours.free.id })
    await settle(desk, email, accepted)
    const receipt = verified(await receiptOf(desk, agent, email))
    const row = await desk.store.db
      .selectFrom('emails')
      .select('content_hash')
      .where('id', '=', email as EmailId)
      .executeTakeFirstOrThrow()
    expect(receipt).toMatchObject({
      email_id: email,
      content_hash: row.content_hash,
      release: { kind: 'policy', decision_id: null, rule: expect.stringMatching(/./) },
      approval: null,
      history: [
        { action: 'email.submitted', actor_kind: 'key' },
        { action: 'email.released', actor_kind: 'system' },
      ],
      deliveries: [
        {
          outcome: 'delivered',
          code: '250 2.0.0',
          recipient: 'bo@remote.test',
          host: 'mx.remote.test',
          reply: '250 2.0.0 Ok: queued as 4XyZ',
        },
      ],
      key: keyText,
    })
    // Who wrote to whom about what is nobody's business but what is shown.
    expect(receipt.entries.filter(({ details }) => details !== null).length).toBe(1)
    expect((await desk.call(admin, 'GET', '/get_audit_log?limit=1')).body).toMatchObject({
      entries: [{ action: 'receipt.read', resource_id: email }],
    })
  })

  it('of what a person approved: the decision, never who or why', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const email = await sent(desk, agent, { mailbox_id: desk.ours.gated.id, to: ['bo@remote.test', 'cy@remote.test'] })
    expect(await receiptOf(desk, agent, email)).toMatchObject({ status: 409, body: { code: 'NOT_RELEASED' } })
    const reason = 'The boss wants it'
    await desk.call(reviewer, 'POST', '/decide_email', { email_id: email, action: 'approve', reason })
    await settle(desk, email, { code: 550, status: '5.1.1', text: 'No such user' })
    const receipt = verified(await receiptOf(desk, agent, email))
    expect(receipt).toMatchObject({
      release: { kind: 'approval', rule: null, decision_id: receipt.approval?.decision_id },
      approval: { decision: 'approve', actor_kind: 'key', self_approved: false },
      history: ['email.submitted', 'email.held', 'email.approved', 'email.released'].map((action) => ({ action })),
      deliveries: [
        { outcome: 'bounced', code: '550 5.1.1', recipient: 'bo@remote.test' },
        { outcome: 'bounced', recipient: 'cy@remote.test' },
      ],
    })
    expect(JSON.stringify(receipt)).not.toContain(reason)
  })

  it('of what waited for its time, was moved and changed', async () => {
    const desk = await openDesk(openStore)
    const { agent, reviewer } = desk.ours.keys
    const sendAt = (days: number) => new Date(desk.clock.now() + days * day).toISOString()
    const email = await sent(desk, agent, { mailbox_id: desk.ours.gated.id, send_at: sendAt(1), gate_timing: 'gate_first' })
    const held = await desk.store.db.selectFrom('holds').select('state').execute()
    await desk.call(reviewer, 'POST', '/decide_email', { email_id: email, action: 'approve' })
    const moved = await desk.call(agent, 'POST', '/edit_scheduled_email', { email_id: email, send_at: sendAt(2) })
    expect([held, moved.status]).toEqual([[{ state: 'open' }], 200])
    expect(await receiptOf(desk, agent, email)).toMatchObject({ status: 409, body: { code: 'NOT_RELEASED' } })
    await desk.clock.advance(2 * day)
    await createScheduler({
      store: desk.store,
      clock: desk.clock,
      log: silentLog,
      onReleased: () => undefined,
      holdExpiryMs: day,
      giveUpAfterMs: day,
    }).run()
    const receipt = verified(await receiptOf(desk, agent, email))
    expect(receipt).toMatchObject({ approval: { decision: 'approve' }, release: { kind: 'approval' }, deliveries: [] })
    expect(receipt.history.map(({ action }) => action)).toEqual([
      'email.submitted',
      'email.held',
      'email.approved',
      'email.rescheduled',
      'email.released',
    ])
  })

  it('are given when what happened is signed, at most one checkpoint a minute', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const first = await sent(desk, agent, { mailbox_id: desk.ours.free.id })
    verified(await receiptOf(desk, agent, first))
    const second = await sent(desk, agent, { mailbox_id: desk.ours.free.id, markdown: 'Another' })
    verified(await receiptOf(desk, agent, first))
    await desk.clock.advance(20_000)
    expect(await receiptOf(desk, agent, second)).toMatchObject({ status: 409, body: { code: 'NOT_SIGNED_YET', retry_after_seconds: 40 } })
    await desk.clock.advance(40_000)
    verified(await receiptOf(desk, agent, second))
    expect(await desk.store.db.selectFrom('log_checkpoints').select('size').execute()).toHaveLength(2)
  })

  it('are not given by a server whose log is not what was signed', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin } = desk.ours.keys
    const email = await sent(desk, agent, { mailbox_id: desk.ours.free.id })
    verified(await receiptOf(desk, agent, email))
    await sql.raw(`drop trigger log_entries_unchanged${desk.store.engine === 'postgres' ? ' on log_entries' : ''}`).execute(desk.store.db)
    await desk.store.db
      .updateTable('log_entries')
      .set({ leaf_hash: 'ab'.repeat(32) })
      .where('seq', '=', 1)
      .execute()
    expect(await receiptOf(desk, agent, email)).toMatchObject({ status: 503, body: { code: 'RECORD_IN_DOUBT' } })
    await desk.clock.advance(day)
    expect(await desk.call(admin, 'GET', '/get_receipt?email_id=em_0')).toMatchObject({ status: 404 })
  })

  it('tell an agent nothing of hidden copies, and whoever looks after the account all', async () => {
    const desk = await openDesk(openStore)
    const { agent, admin, reviewer } = desk.ours.keys
    const { free } = desk.ours
    await desk.store.db.updateTable('mailboxes').set({ auto_bcc: 'boss@watchers.test' }).where('id', '=', free.id).execute()
    const email = await sent(desk, agent, { mailbox_id: free.id })
    await settle(desk, email, accepted)
    const seen = verified(await receiptOf(desk, agent, email))
    expect(seen.deliveries.map(({ recipient }) => recipient)).toEqual(['bo@remote.test'])
    expect(JSON.stringify(seen)).not.toContain('watchers')
    for (const key of [admin, reviewer])
      expect(
        verified(await receiptOf(desk, key, email))
          .deliveries.map(({ recipient }) => recipient)
          .toSorted((one, other) => String(one).localeCompare(String(other))),
      ).toEqual(['bo@remote.test', 'boss@watchers.test'])
  })

  it('hold when the account has erased what the log says of people', async () => {
    const desk = await openDesk(openStore)
    const { agent } = desk.ours.keys
    const email = await sent(desk, agent, { mailbox_id: desk.ours.free.id })
    await settle(desk, email, accepted)
    await desk.store.db.updateTable('log_entries').set({ details_json: null, details_salt: null }).execute()
    expect(verified(await receiptOf(desk, agent, email)).deliveries).toMatchObject([
      { outcome: 'delivered', code: '250 2.0.0', recipient: null, reply: null },
    ])
  })

  it('are checked by multimail receipt verify, without a server', async () => {
    const desk = await openDesk(openStore)
    const email = await sent(desk, desk.ours.keys.agent, { mailbox_id: desk.ours.free.id, to: ['bo@remote.test'] })
    await settle(desk, email, { ...accepted, text: 'Ok \u202e' })
    const { body } = await receiptOf(desk, desk.ours.keys.agent, email)
    const folder = await mkdtemp(join(tmpdir(), 'receipt-'))
    const file = join(folder, 'receipt.json')
    const run = async (...argv: string[]) => {
      let text = ''
      const write = (more: string) => void (text += more)
      const load = () => {
        throw new Error('no settings')
      }
      return { code: await runCli(['receipt', 'verify', ...argv], { out: write, err: write, load }), text }
    }
    try {
      await writeFile(file, JSON.stringify(body))
      const good = await run(file, '--key', keyText)
      expect(good).toMatchObject({
        code: 0,
        text: expect.stringMatching(/^The receipt holds: email em_\w+, under a checkpoint of \d+ entries\.\nContent: /),
      })
      expect(good.text).toMatch(/delivered at \S+: bo@remote\.test: 250 2\.0\.0 Ok/)
      expect(good.text).not.toContain('\u202e')
      expect(JSON.parse((await run(file, '--key', keyText, '--json')).text)).toMatchObject({
        ok: true,
        value: { receipt: { email_id: email } },
      })
      await writeFile(file, JSON.stringify(body).replace('"delivered"', '"bounced"'))
      expect(await run(file, '--key', keyText)).toMatchObject({ code: 1, text: expect.stringMatching(/does not hold: NOT_SAID/) })
      expect(await run(file)).toMatchObject({ code: 2, text: expect.stringMatching(/Give --key/) })
      expect(await run(join(folder, 'none'), '--key', keyText)).toMatchObject({ code: 2, text: expect.stringMatching(/cannot be read/) })
      const other = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
      expect(await run(file, '--key', other)).toMatchObject({ code: 1, text: expect.stringMatching(/OTHER_KEY/) })
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it('are found by an index, however long the log is', async () => {
    const desk = await openDesk(openStore)
    const email = await sent(desk, desk.ours.keys.agent, { mailbox_id: desk.ours.free.id })
    const deliveries = (await deliveriesOf(desk.store.db, email as EmailId)).map(({ id }) => id)
    const planOf = (query: (tx: Tx) => { compile(): CompiledQuery }) =>
      desk.store.transaction(async (tx) => {
        const { sql: text, parameters } = query(tx).compile()
        // PostgreSQL reads a table of a few rows whole unless it is told not to.
        if (desk.store.engine === 'postgres') await sql`set local enable_seqscan = off`.execute(tx)
        const explain = desk.store.engine === 'postgres' ? 'explain' : 'explain query plan'
        const filled = text.replaceAll(/\$(\d+)|\?/g, () => '?').split('?')
        const values = parameters.map((one) => sql.lit(one))
        const whole = sql.join(
          filled.flatMap((part, at) => [sql.raw(part), ...(at < values.length ? [values[at]] : [])]),
          sql.raw(''),
        )
        return JSON.stringify((await sql`${sql.raw(explain)} ${whole}`.execute(tx)).rows)
      })
    const id = email as EmailId
    for (const query of [(tx: Tx) => mailEntries(tx, id, deliveries), (tx: Tx) => reviewEntries(tx, id, 1_000)]) {
      const plan = await planOf(query)
      expect(plan).toContain('log_entries_of_mail')
      expect(plan).not.toMatch(/SCAN log_entries|Seq Scan/)
    }
  })
})

describeOnEachEngine('proofs over the log', (openStore) => {
  it('lead from an own entry to a checkpoint, and from one checkpoint to the next', async () => {
    const desk = await openDesk(openStore)
    const { admin, reviewer } = desk.ours.keys
    const checkpoint = async (query = '') => (await desk.call(admin, 'GET', `/get_checkpoint${query}`)).body
    const first = await checkpoint()
    expect(openCheckpoint(String(first['checkpoint']), logKey)).toEqual({
      origin: first['origin'],
      size: first['size'],
      root: first['root_hash'],
    })
    expect(first).toMatchObject({ key: keyText, origin: logKey.name })
    const { entries } = (await desk.call(admin, 'GET', '/get_audit_log?limit=5')).body as {
      entries: { id: string; seq: number; leaf_hash: string }[]
    }
    const [newest, , older] = entries
    expect(await desk.call(admin, 'GET', `/get_inclusion_proof?entry_id=${newest?.id}`)).toMatchObject({
      status: 409,
      body: { code: 'NOT_SIGNED_YET' },
    })
    await desk.clock.advance(60_000)
    for (const entry of [newest, older]) {
      const { body } = await desk.call(reviewer, 'GET', `/v1/log/entries/${entry?.id}/proof`)
      expect(body).toMatchObject({ seq: entry?.seq, leaf_hash: entry?.leaf_hash })
      const proof = {
        leaf: entry?.leaf_hash ?? '',
        index: (entry?.seq ?? 0) - 1,
        size: Number(body['size']),
        path: body['path'] as string[],
        root: String(body['root_hash']),
      }
      expect(isIncluded(proof)).toBe(true)
    }
    const second = await checkpoint()
    const sizes = { first: Number(first['size']), second: Number(second['size']) }
    expect(sizes.second).toBeGreaterThan(sizes.first)
    const { body } = await desk.call(admin, 'GET', `/get_consistency_proof?first=${sizes.first}`)
    const roots = { firstRoot: String(first['root_hash']), secondRoot: String(second['root_hash']) }
    expect(body).toMatchObject({ ...sizes, first_root_hash: roots.firstRoot, second_root_hash: roots.secondRoot })
    expect(isConsistent({ ...sizes, ...roots, path: body['path'] as string[] })).toBe(true)
    expect(await checkpoint(`?size=${sizes.first}`)).toEqual(first)
  })

  it('are refused for sizes that were not signed, entries of others, and keys of single mailboxes', async () => {
    const desk = await openDesk(openStore)
    const { ours, theirs } = desk
    const get = async (path: string, key = ours.keys.admin) => {
      const { status, body } = await desk.call(key, 'GET', path)
      return [status, body['code']]
    }
    const { size } = (await desk.call(ours.keys.admin, 'GET', '/get_checkpoint')).body as { size: number }
    const [entry] = (await desk.call(ours.keys.admin, 'GET', '/get_audit_log?limit=9')).body['entries'] as { id: string }[]
    expect(await get(`/get_checkpoint?size=${size + 1}`)).toEqual([404, 'CHECKPOINT_NOT_FOUND'])
    expect(await get(`/get_consistency_proof?first=1&second=${size + 1}`)).toEqual([404, 'CHECKPOINT_NOT_FOUND'])
    expect(await get(`/get_consistency_proof?first=2&second=1`)).toEqual([404, 'CHECKPOINT_NOT_FOUND'])
    for (const bad of ['0', '-1', '1.5', '1e300', 'x']) expect((await get(`/get_consistency_proof?first=${bad}`))[0], bad).toBe(400)
    expect(await get(`/get_inclusion_proof?entry_id=${entry?.id}&size=1`)).toEqual([404, 'CHECKPOINT_NOT_FOUND'])
    for (const key of [theirs.keys.admin, ours.keys.testAdmin])
      expect(await get(`/get_inclusion_proof?entry_id=${entry?.id}`, key)).toEqual([404, 'LOG_ENTRY_NOT_FOUND'])
    // The appliance's own affairs are nobody's.
    const [own] = await desk.store.db.selectFrom('log_entries').select('id').where('account_id', 'is', null).execute()
    for (const id of [own?.id ?? 'log_0', 'x', 'log_01JD0000000000000000000000'])
      expect(await get(`/get_inclusion_proof?entry_id=${id}`)).toEqual([404, 'LOG_ENTRY_NOT_FOUND'])
    const bound = await desk.key({ scopes: ['admin'], mailboxIds: [ours.gated.id] })
    for (const path of ['/get_checkpoint', '/get_consistency_proof?first=1', `/get_inclusion_proof?entry_id=${entry?.id}`])
      expect(await get(path, bound)).toEqual([403, 'KEY_BOUND'])
  })
})
