/**
 * Nobody approves their own mail (design promise 3), by every path there is: one table. The operations are those of the router, so a new one is tried without
 * anybody thinking of it; each other row is a way of its own. Refused is not enough: it has to be on the record.
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { expect, it, onTestFinished } from 'vitest'
import type { Scope } from '../../server/model/actor.ts'
import type { EmailId, KeyId, PersonId } from '../../server/model/ids.ts'
import { type OperationInfo, operations } from '../../server/operations/router.ts'
import { hashOfKey } from '../../server/identity/key-text.ts'
import { createApprovals } from '../../server/oversight/approvals.ts'
import { silentLog } from '../../server/platform/log.ts'
import { agreed } from '../support/agreed.ts'
import { ann, lettersTo, signedIn } from '../support/browser.ts'
import { type Answer, type Desk, type Mailbox, openDesk } from '../support/desk.ts'
import { beginSession } from '../support/operator-session.ts'
import { filled, furnishScene } from '../support/scene.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Entry = { action: string; actor_id: string; metadata: Record<string, unknown> }

let letters = 0
/** An email of this key that waits for a person. */
async function held({ call, ours }: Desk, key = ours.keys.agent, mailbox: Mailbox = ours.gated): Promise<EmailId> {
  const letter = { mailbox_id: mailbox.id, to: ['cy@remote.test'], subject: `Mine ${(letters += 1)}`, markdown: 'Hello.' }
  const { status, body } = await call(key, 'POST', '/send_email', letter)
  if (status >= 300) throw new Error(JSON.stringify(body))
  return body['id'] as EmailId
}
const newest = async ({ store }: Desk): Promise<Entry> => {
  const { body } = await store.db.selectFrom('log_entries').select('body').orderBy('seq', 'desc').executeTakeFirstOrThrow()
  return JSON.parse(body) as Entry
}
const idOf = async ({ store }: Desk, key: string): Promise<KeyId> =>
  (await store.db.selectFrom('api_keys').select('id').where('secret_hash', '=', hashOfKey(key)).executeTakeFirstOrThrow()).id
const stateOf = async ({ store }: Desk, id: EmailId): Promise<string | undefined> =>
  (await store.db.selectFrom('holds').select('state').where('email_id', '=', id).orderBy('id', 'desc').executeTakeFirst())?.state
const releasesOf = async ({ store }: Desk, id: EmailId): Promise<number> =>
  (await store.db.selectFrom('releases').select('id').where('email_id', '=', id).execute()).length
const issue = async (desk: Desk, scopes: Scope[], ownerId?: PersonId): Promise<string> => {
  const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
  const issued = await desk.keys.issue({ tenancy, name: scopes.join(), scopes, ...(ownerId && { ownerId }) })
  if (!issued.ok) throw new Error(issued.code)
  return issued.value.key
}
const approve = (desk: Desk, key: string, email_id: EmailId, headers?: Record<string, string>): Promise<Answer> =>
  desk.call(key, 'POST', '/decide_email', { email_id, action: 'approve' }, headers)
const personId = async ({ store }: Desk): Promise<PersonId> =>
  (await store.db.selectFrom('people').select('id').where('removed_at', 'is', null).executeTakeFirstOrThrow()).id

/** Its email waits as before, nothing let it out, and the last thing on the record is that somebody tried. */
async function expectRefused(
  desk: Desk,
  id: EmailId | null,
  answer: { status: number; body: Record<string, unknown> },
  code: string,
  entry: Partial<Entry>,
) {
  expect([answer.status >= 400, answer.body['code']]).toEqual([true, code])
  expect(await newest(desk)).toMatchObject(entry)
  if (id !== null) expect([await stateOf(desk, id), await releasesOf(desk, id)]).toEqual(['open', 0])
}
const inDecision = (code: string) => ({ action: 'approval.refused', metadata: { code, asked: 'approve' } })
const inCall = (operation: string, code: string) => ({ action: 'call.refused', metadata: { operation, code } })

/** Each way is tried against an email of its own. */
const ways: Record<string, (desk: Desk) => Promise<void>> = {
  'the key that wrote it': async (desk) => {
    const id = await held(desk)
    await expectRefused(desk, id, await approve(desk, desk.ours.keys.agent, id), 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
  },
  'another key that sends': async (desk) => {
    const id = await held(desk)
    await expectRefused(
      desk,
      id,
      await approve(desk, await issue(desk, ['read', 'send']), id),
      'SCOPE_MISSING',
      inCall('decide_email', 'SCOPE_MISSING'),
    )
  },
  'an admin key': async (desk) => {
    const id = await held(desk)
    await expectRefused(desk, id, await approve(desk, desk.ours.keys.admin, id), 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
  },
  'an admin key with the session of an operator': async (desk) => {
    const id = await held(desk)
    const { cookie } = await beginSession(desk, desk.ours)
    await expectRefused(
      desk,
      id,
      await approve(desk, desk.ours.keys.admin, id, { cookie }),
      'SCOPE_MISSING',
      inCall('decide_email', 'SCOPE_MISSING'),
    )
  },
  'the v1 route': async (desk) => {
    const id = await held(desk)
    const answer = await desk.call(desk.ours.keys.agent, 'POST', '/v1/oversight/decide', { email_id: id, action: 'approve' })
    await expectRefused(desk, id, answer, 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
  },
  tRPC: async (desk) => {
    const id = await held(desk)
    const answer = await desk.call(desk.ours.keys.agent, 'POST', '/trpc/decide_email', { email_id: id, action: 'approve' })
    const { data } = answer.body['error'] as { data: Record<string, unknown> }
    await expectRefused(desk, id, { ...answer, body: data }, 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
  },
  'the tool of MCP that the key is not shown': async (desk) => {
    const id = await held(desk)
    const client = new Client({ name: 'a test', version: '1' })
    const headers = { authorization: `Bearer ${desk.ours.keys.agent}` }
    const transport = new StreamableHTTPClientTransport(new URL(`${desk.url}/mcp`), { requestInit: { headers } })
    await client.connect(transport)
    onTestFinished(() => client.close())
    expect((await client.listTools()).tools.map(({ name }) => name)).not.toContain('decide_email')
    const result = (await client.callTool({ name: 'decide_email', arguments: { email_id: id, action: 'approve' } })) as {
      isError: boolean
      content: { text: string }[]
    }
    const body = JSON.parse(result.content[0]?.text ?? '{}') as Record<string, unknown>
    await expectRefused(desk, id, { status: result.isError ? 400 : 200, body }, 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
  },
  'a key that is made with both scopes': async (desk) => {
    const answer = await desk.call(desk.ours.keys.admin, 'POST', '/create_api_key', { name: 'both', scopes: ['send', 'oversight'] })
    await expectRefused(desk, null, answer, 'FORBIDDEN_SCOPES', inCall('create_api_key', 'FORBIDDEN_SCOPES'))
  },
  'a key that gets the other scope': async (desk) => {
    for (const [key, scopes] of [
      [desk.ours.keys.agent, ['send', 'oversight']],
      [desk.ours.keys.reviewer, ['oversight', 'send']],
      [desk.ours.keys.reviewer, ['oversight', 'admin']],
    ] as const) {
      const answer = await desk.call(desk.ours.keys.admin, 'POST', '/update_api_key', { key_id: await idOf(desk, key), scopes })
      await expectRefused(desk, null, answer, 'FORBIDDEN_SCOPES', inCall('update_api_key', 'FORBIDDEN_SCOPES'))
    }
  },
  'a key that gives itself a scope': async (desk) => {
    const id = await held(desk)
    const { agent } = desk.ours.keys
    const answer = await desk.call(agent, 'POST', '/update_api_key', { key_id: await idOf(desk, agent), scopes: ['oversight'] })
    await expectRefused(desk, id, answer, 'SCOPE_MISSING', inCall('update_api_key', 'SCOPE_MISSING'))
  },
  // Nobody knows whose it is, so nothing is on the record; every call of it is counted at the door (doors/attempts.ts).
  'a key whose row was edited by hand': async (desk) => {
    const id = await held(desk)
    const { agent } = desk.ours.keys
    await desk.store.db
      .updateTable('api_keys')
      .set({ scopes_json: '["send","oversight"]' })
      .where('id', '=', await idOf(desk, agent))
      .execute()
    expect(await approve(desk, agent, id)).toMatchObject({ status: 401, body: { code: 'KEY_NOT_ACCEPTED' } })
    expect([await stateOf(desk, id), await releasesOf(desk, id)]).toEqual(['open', 0])
  },
  'the key that wrote it, which may decide by now because the operator agreed; its new secret as well': async (desk) => {
    const { agent } = desk.ours.keys
    const [id, key_id] = [await held(desk), await idOf(desk, agent)]
    expect((await agreed(desk, 'POST', '/update_api_key', { key_id, scopes: ['read', 'oversight'] })).status).toBe(200)
    await expectRefused(desk, id, await approve(desk, agent, id), 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
    const { body } = await agreed(desk, 'POST', '/rotate_api_key', { key_id })
    await expectRefused(desk, id, await approve(desk, String(body['api_key']), id), 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
  },
  'another key of the same owner': async (desk) => {
    await signedIn(desk, desk.ours.accountId)
    const owner = await personId(desk)
    const id = await held(desk, await issue(desk, ['read', 'send'], owner))
    await expectRefused(
      desk,
      id,
      await approve(desk, await issue(desk, ['oversight'], owner), id),
      'SELF_APPROVAL',
      inDecision('SELF_APPROVAL'),
    )
  },
  'a key that its owner made after the one that wrote it was revoked': async (desk) => {
    await signedIn(desk, desk.ours.accountId)
    const admin = await issue(desk, ['admin'], await personId(desk))
    const writes = String(
      (await agreed(desk, 'POST', '/create_api_key', { name: 'writes', scopes: ['read', 'send'] }, admin)).body['api_key'],
    )
    const id = await held(desk, writes)
    await agreed(desk, 'POST', '/revoke_api_key', { key_id: await idOf(desk, writes) }, admin)
    const decides = String(
      (await agreed(desk, 'POST', '/create_api_key', { name: 'decides', scopes: ['oversight'] }, admin)).body['api_key'],
    )
    await expectRefused(desk, id, await approve(desk, decides, id), 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
  },
  'the session of the person whose key wrote it': async (desk) => {
    const browser = await signedIn(desk, desk.ours.accountId)
    const id = await held(desk, await issue(desk, ['read', 'send'], await personId(desk)))
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const answer = await browser.post('/session/decide', { email_id: id, content_hash, action: 'approve' })
    await expectRefused(desk, id, answer, 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
  },
  'the session of the person whose key drafted what another handed in': async (desk) => {
    const browser = await signedIn(desk, desk.ours.accountId)
    const drafts = await issue(desk, ['read', 'send'], await personId(desk))
    const email = await desk.receive(desk.ours.gated)
    const draft = await desk.call(drafts, 'POST', '/draft_reply', { email_id: email.id, markdown: 'Mine.' })
    const sent = await desk.call(desk.ours.keys.agent, 'POST', '/send_email', { draft_id: draft.body['id'] })
    const id = sent.body['id'] as EmailId
    const { content_hash } = (await browser.get(`/session/pending/${id}`)).body
    const answer = await browser.post('/session/decide', { email_id: id, content_hash, action: 'approve' })
    await expectRefused(desk, id, answer, 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
  },
  'a link that was mailed before it was known whose the key is': async (desk) => {
    await signedIn(desk, desk.ours.accountId)
    const writes = await issue(desk, ['read', 'send'])
    const id = await held(desk, writes)
    await desk.approvalMail.jobs[0]?.work(desk.clock.now())
    const [, link = ''] = /(\/approve\/[\w-]{43})/.exec((await lettersTo(desk, ann)).at(-1)?.body ?? '') ?? []
    await desk.store.db
      .updateTable('api_keys')
      .set({ owner_id: await personId(desk) })
      .where('id', '=', await idOf(desk, writes))
      .execute()
    const answer = await fetch(desk.url + link, { method: 'POST', body: new URLSearchParams({ action: 'approve' }) })
    const code = (await answer.text()).includes('Nobody approves their own mail') || answer.status === 403 ? 'SELF_APPROVAL' : undefined
    await expectRefused(desk, id, { status: answer.status, body: { code } }, 'SELF_APPROVAL', inDecision('SELF_APPROVAL'))
  },
  'more freedom for the mailbox, without the code and with a wrong one': async (desk) => {
    const { agent } = desk.ours.keys
    const id = await held(desk)
    const path = `/v1/mailboxes/${desk.ours.gated.id}`
    expect((await desk.call(agent, 'POST', `${path}/request-upgrade`, { target_mode: 'autonomous' })).status).toBe(200)
    const wrong = await desk.call(agent, 'POST', `${path}/upgrade`, { code: 'AAAA-AAAA' })
    await expectRefused(desk, id, wrong, 'UPGRADE_CODE_WRONG', { action: 'mailbox.upgrade_refused' })
    const byAdmin = await desk.call(desk.ours.keys.admin, 'POST', '/update_mailbox', {
      mailbox_id: desk.ours.gated.id,
      oversight_mode: 'autonomous',
    })
    await expectRefused(desk, id, byAdmin, 'UPGRADE_NEEDS_CODE', inCall('update_mailbox', 'UPGRADE_NEEDS_CODE'))
  },
  'rules, lists, keys and webhooks of the agent’s own': async (desk) => {
    const { agent } = desk.ours.keys
    const id = await held(desk)
    const mailbox_id = desk.ours.gated.id
    for (const [operation, body] of [
      ['set_policy', { mailbox_id, rules: [{ who: '*', outcome: 'allow' }] }],
      ['add_allowlist_entry', { mailbox_id, pattern: 'cy@remote.test' }],
      ['create_api_key', { name: 'decides', scopes: ['oversight'] }],
      ['create_webhook', { url: 'https://agent.example/hook', events: ['oversight.pending'] }],
      ['lift_enforcement', { mailbox_id }],
      ['configure_mailbox', { mailbox_id, oversight_mode: 'autonomous' }],
    ] as const) {
      const answer = await desk.call(agent, 'POST', `/${operation}`, body)
      await expectRefused(desk, id, answer, 'SCOPE_MISSING', inCall(operation, 'SCOPE_MISSING'))
    }
  },
  'the same by an admin key, which asks the operator first': async (desk) => {
    const { admin } = desk.ours.keys
    const id = await held(desk)
    const mailbox_id = desk.ours.gated.id
    for (const [path, body] of [
      ['/set_policy', { mailbox_id, rules: [{ who: '*', outcome: 'allow' }] }],
      ['/add_allowlist_entry', { mailbox_id, pattern: 'cy@remote.test' }],
      ['/create_api_key', { name: 'decides', scopes: ['oversight'] }],
    ] as const) {
      expect(await desk.call(admin, 'POST', path, body)).toMatchObject({ status: 202, body: { status: 'pending_approval' } })
      expect(await newest(desk)).toMatchObject({ action: 'admin_action.requested' })
      const wrong = await desk.call(admin, 'POST', path, { ...body, approval_code: 'AAAA-AAAA' })
      await expectRefused(desk, id, wrong, 'APPROVAL_CODE_WRONG', { action: 'admin_action.refused' })
    }
    // And what is let go later is what is handed in later: what waits goes on waiting.
    expect((await agreed(desk, 'POST', '/add_allowlist_entry', { mailbox_id, pattern: 'di@remote.test' })).status).toBeLessThan(300)
    expect([await stateOf(desk, id), await releasesOf(desk, id)]).toEqual(['open', 0])
  },
  'a test key, but for an admin key of a test world in which the operator lets it': async (desk) => {
    const { test, testAdmin } = desk.ours.keys
    const id = await held(desk, test, desk.ours.test)
    await expectRefused(desk, id, await approve(desk, test, id), 'SCOPE_MISSING', inCall('decide_email', 'SCOPE_MISSING'))
    const own = await held(desk, testAdmin, desk.ours.test)
    const deps = { store: desk.store, clock: desk.clock, log: silentLog, onReleased: () => undefined, giveUpAfterMs: 1 }
    const actor = await desk.keys.actorOf(await idOf(desk, testAdmin))
    if (actor === null) throw new Error('nobody')
    const strict = await createApprovals({ ...deps, allowTestSelfApproval: false }).decide(actor, { email: own, action: 'approve' })
    expect(strict).toMatchObject({ ok: false, code: 'SELF_APPROVAL' })
    expect(await newest(desk)).toMatchObject(inDecision('SELF_APPROVAL'))
    expect(await approve(desk, testAdmin, own)).toMatchObject({ status: 200, body: { self_approved: true } })
    const entry = desk.store.db.selectFrom('log_entries').select('body').where('action', '=', 'email.approved').executeTakeFirstOrThrow()
    expect(JSON.parse((await entry).body)).toMatchObject({ metadata: { self_approved: true } })
  },
}

describeOnEachEngine('self-approval', (openStore) => {
  it.each(Object.keys(ways))('by %s is refused and on the record', { timeout: 60_000 }, async (name) => {
    await ways[name]?.(await openDesk(openStore))
  })

  it(
    'succeeds by no operation of the router, with any key that writes or manages; what would have decided or managed is on the record',
    { timeout: 300_000 },
    async () => {
      const desk = await openDesk(openStore)
      const { agent, bound, admin } = desk.ours.keys
      const unrecorded: string[] = []
      for (const operation of operations) {
        const scene = await furnishScene(desk, desk.ours)
        for (const [who, key] of Object.entries({ agent, bound, admin })) {
          // The scene has the code that the operator got for more freedom: whoever has that did not approve anything themselves.
          await desk.store.db.updateTable('mailboxes').set({ oversight_mode: 'gated_send' }).where('id', '=', desk.ours.gated.id).execute()
          const id = await held(desk)
          for (const { input } of operation.meta.examples ?? []) {
            // Whatever the example is about, here it is about the email that waits.
            const body = filled(input, { ...scene, pending_id: id, email_id: id, draft_id: id, scheduled_id: id })
            const query = operation.kind === 'query' ? `?input=${encodeURIComponent(JSON.stringify(body))}` : ''
            const answer = await desk.call(
              key,
              operation.kind === 'query' ? 'GET' : 'POST',
              `/trpc/${operation.name}${query}`,
              query === '' ? body : undefined,
            )
            const refusal = (answer.body['error'] as { data?: { code?: string } } | undefined)?.data?.code
            if (refusal === 'SCOPE_MISSING' && isPowerful(operation)) {
              const { action, metadata } = await newest(desk)
              if (action !== 'call.refused' || metadata['operation'] !== operation.name) unrecorded.push(`${operation.name} by ${who}`)
            }
          }
          // Its agent may take it back; nobody but a reviewer lets it out.
          expect([operation.name, who, await releasesOf(desk, id)]).toEqual([operation.name, who, 0])
          expect(['open', 'cancelled']).toContain(await stateOf(desk, id))
        }
        await desk.clock.advance(60_001)
      }
      expect(unrecorded).toEqual([])
    },
  )
})

const isPowerful = ({ kind, meta }: OperationInfo): boolean =>
  kind === 'mutation' && [meta.scope, meta.orScope].some((one) => one === 'oversight' || one === 'admin')
