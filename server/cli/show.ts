import { asReviewer } from './client.ts'
import { type Command, jsonOption } from './command.ts'
import { findHeld, heldText } from './held.ts'
import { visibleJson } from './visible.ts'

export const show: Command = {
  help: 'Shows an email that waits for a decision: why, to whom (Bcc too), subject, whole text, attachments, and its content hash. Whatever cannot be seen is shown as its code point, such as ⟨U+202E⟩.',
  words: ['ID'],
  options: jsonOption,
  async run(call) {
    const held = await asReviewer(call, (server) => findHeld(server, call.word('ID')))
    const next = [`multimail approve ${held.id} --hash ${held.content_hash}`, `multimail reject ${held.id} --reason "…"`]
    call.io.out(call.flag('json') ? `${visibleJson(held)}\n` : `${heldText(held)}\n\n${next.join('\n')}\n`)
    return 0
  },
}
