import { expect, it } from 'vitest'
import { type OversightMode, isHigher } from '../../server/model/email.ts'
import { type OperationName, operations } from '../../server/operations/router.ts'
import { setStanding } from '../../server/store/standings.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { type Scene, filled, furnishScene } from '../support/scene.ts'
import { describeOnEachEngine } from '../support/stores.ts'

/** Design promise 4. Besides these only the operator on the host gives autonomy: `multimail mailboxes lift --mode` (test/cli/mailboxes-lift.test.ts). */
const raising: readonly OperationName[] = ['apply_upgrade', 'manage_upgrade']

/** What an agent might add to a call in the hope that somebody takes it. */
const hopes = (mode: OversightMode): Record<string, unknown>[] => [
  {},
  { oversight_mode: mode },
  { mode, target_mode: mode, oversightMode: mode },
  { 'oversight_mode ': mode, settings: { oversight_mode: mode }, mailbox: { oversight_mode: mode } },
  { display_name: 'Free', oversight_mode: mode, mcp_configured: true, scheduling_enabled: true },
]

const modesOf = async ({ store }: Desk): Promise<Map<string, OversightMode>> => {
  const rows = await store.db.selectFrom('mailboxes').select(['id', 'oversight_mode']).execute()
  return new Map(rows.map(({ id, oversight_mode }) => [id, oversight_mode]))
}

/** Each mailbox that has more autonomy than before; one that was not there is held against what a new one has. */
const raised = (before: Map<string, OversightMode>, after: Map<string, OversightMode>): string[] =>
  [...after].filter(([id, mode]) => isHigher(mode, before.get(id) ?? 'gated_send')).map(([id, mode]) => `${id} ${mode}`)

/** As every key of the office would, with nobody whom two-step operations wait for. */
async function tryAll(desk: Desk, name: OperationName, scene: Scene): Promise<number> {
  const operation = operations.find((one) => one.name === name)
  const { agent, reviewer, admin } = desk.ours.keys
  let done = 0
  for (const { input } of operation?.meta.examples ?? [])
    for (const more of [...hopes('autonomous'), ...hopes('monitored')])
      for (const key of [agent, reviewer, admin]) {
        const body = { ...filled(input, scene), ...more, ...(raising.includes(name) && { code: 'AAAA-AAAA' }) }
        const isQuery = operation?.kind === 'query'
        const path = isQuery ? `/trpc/${name}?input=${encodeURIComponent(JSON.stringify(body))}` : `/trpc/${name}`
        const { status } = await desk.call(key, isQuery ? 'GET' : 'POST', path, isQuery ? undefined : body)
        if (status === 200) done += 1
      }
  return done
}

describeOnEachEngine('autonomy', (openStore) => {
  it('is raised by no operation, whatever it is handed, without the code of a person', { timeout: 300_000 }, async () => {
    const desk = await openDesk(openStore, { adminApproval: 'off' })
    const none: string[] = []
    let scene = await furnishScene(desk, desk.ours)
    // Pardoned mailboxes go on asking.
    await desk.store.transaction((tx) => setStanding(tx, desk.ours.gated.id, { tier: 'restriction', reason: 'bounces', since: 0 }))
    // What is deleted has no autonomy left, and the walk would end there.
    for (const { name } of operations.filter((one) => one.name !== 'delete_account')) {
      // Nobody advances the clock for who waits: there is mail for them.
      if (name === 'wait_for_email') scene = await furnishScene(desk, desk.ours)
      const before = await modesOf(desk)
      if ((await tryAll(desk, name, scene)) === 0 && !raising.includes(name)) none.push(name)
      expect([name, raised(before, await modesOf(desk))]).toEqual([name, []])
      await desk.clock.advance(60_001)
      if (name === 'delete_mailbox') scene = { ...scene, other_mailbox_id: desk.ours.free.id }
    }
    // A walk on which nothing happens would show nothing.
    expect(none.length).toBeLessThan(operations.length / 3)
    scene = await furnishScene(desk, desk.ours)
    const before = await modesOf(desk)
    const taken = await desk.call(desk.ours.keys.agent, 'POST', '/apply_upgrade', {
      mailbox_id: desk.ours.gated.id,
      code: scene['upgrade_code'],
    })
    expect(taken.status).toBe(200)
    expect(raised(before, await modesOf(desk))).toEqual([`${desk.ours.gated.id} monitored`])
  })
})
