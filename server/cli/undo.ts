import { asReviewer } from './client.ts'
import { type Command, jsonOption } from './command.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const undo: Command = {
  help: 'Takes back that an email was approved, whoever approved it: it is held again. Possible as long as its mailbox lets approved mail wait (undo_window_seconds).',
  words: ['ID'],
  options: jsonOption,
  async run(call) {
    const undone = await asReviewer(call, (server) => server.undo_approval.mutate({ email_id: call.word('ID') }))
    call.io.out(call.flag('json') ? `${visibleJson(undone)}\n` : `${visibleLine(undone.message)}\n`)
    return 0
  },
}
