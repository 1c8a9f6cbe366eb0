import { createKeys } from '../identity/keys.ts'
import { isId } from '../model/ids.ts'
import { systemClock } from '../platform/clock.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'
import { visibleLine } from './visible.ts'

export const keysRevoke: Command = {
  help: 'Makes an API key worthless, at once and for good. `multimail keys list` shows the ids.',
  words: ['KEY_ID'],
  async run(call) {
    const id = call.word('KEY_ID')
    const revoked = isId('key', id) && (await withStore(call, (store) => createKeys({ store, clock: systemClock }).revoke(id)))
    if (!revoked) throw new Stop(`There is no key ${visibleLine(id, 100)} that still works.`)
    call.io.out(`${id} is revoked.\n`)
    return 0
  },
}
