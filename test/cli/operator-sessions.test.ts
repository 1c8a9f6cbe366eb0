import { expect, it } from 'vitest'
import { setOperatorAddress } from '../../server/oversight/operator-address.ts'
import { createOperatorSessions } from '../../server/oversight/operator-sessions.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { openCliHost } from '../support/cli-host.ts'

it('operator sessions are listed from the command line, and ended at once', async () => {
  const { store, accountId, admin, said, run } = await openCliHost()
  const list = (...argv: string[]) => said('operator', 'sessions', ...argv)
  expect(await list()).toBe('None is under way.\n')
  await setOperatorAddress({ store, clock: systemClock }, accountId, 'boss@elsewhere.example')
  const actor = await admin()
  const sessions = createOperatorSessions({ store, clock: systemClock })
  await sessions.start(actor)
  const { body } = await store.db.selectFrom('operator_mails').select('body').executeTakeFirstOrThrow()
  const begun = await sessions.verify(actor, /^ {2}(\w{4}-\w{4})$/m.exec(body)?.[1] ?? '')
  const { id, token } = begun.ok ? begun.value : expect.fail()
  expect(await list()).toMatch(new RegExp(`^${id} {2}live {2}by ${actor.keyId} {2}until .*Z\n$`))
  expect(await list('--end')).toBe('Ended: 1.\n')
  expect(await sessions.live(store.db, actor, token)).toBeNull()
  expect(await list()).toBe('None is under way.\n')
  expect(await run('operator', 'sessions', '--account', 'nobody')).toMatchObject({ code: 2 })
})
