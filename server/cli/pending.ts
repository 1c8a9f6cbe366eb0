import { asReviewer } from './client.ts'
import { type Command, jsonOption } from './command.ts'
import { type Held, allHeld, heldLine } from './held.ts'
import { visibleJson } from './visible.ts'

export const pending: Command = {
  help: 'Lists the emails that wait for a decision, newest first. `multimail show ID` shows one whole.',
  options: jsonOption,
  async run(call) {
    const held = await asReviewer(call, allHeld)
    call.io.out(call.flag('json') ? `${visibleJson({ messages: held })}\n` : listText(held))
    return 0
  },
}

const listText = (held: readonly Held[]): string =>
  held.length === 0 ? 'Nothing waits for a decision.\n' : `${held.map(heldLine).join('\n')}\n`
