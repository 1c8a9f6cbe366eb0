import { expect, it } from 'vitest'
import { createAdmission } from '../../server/events/admission.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import { newId } from '../../server/model/ids.ts'
import type { World } from '../../server/model/world.ts'

const limits = { ofKey: 5, ofAccount: 2, inAll: 10 }
const accountId = newId('account', 0)
const actor = (world: World): KeyActor => ({
  kind: 'key',
  keyId: newId('key', 0),
  name: '',
  scopes: ['read'],
  mailboxIds: null,
  accountId,
  world,
})

it('calls of test keys that wait take no place of live ones', () => {
  const { admit, admitted } = createAdmission({ wait: limits, stream: limits })
  const take = (world: World) => admit('wait', actor(world))
  const [first, second] = [take('test'), take('test')]
  expect([first !== null, second !== null, take('test')]).toEqual([true, true, null])
  expect([take('live') !== null, take('live') !== null, take('live')]).toEqual([true, true, null])
  first?.release()
  expect(take('live')).toBeNull()
  expect(take('test')).not.toBeNull()
  expect(admitted('wait')).toBe(4)
})
