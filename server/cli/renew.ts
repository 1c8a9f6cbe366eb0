import { asReviewer } from './client.ts'
import { type Command, jsonOption } from './command.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const renew: Command = {
  help: 'Gives an email that waits another three days, five times at most and 30 days in all. It decides nothing: undecided by then, it expires.',
  words: ['ID'],
  options: jsonOption,
  async run(call) {
    const renewed = await asReviewer(call, (server) => server.renew_hold.mutate({ email_id: call.word('ID') }))
    const left = `${renewed.renewals_left === 0 ? 'no further time' : `${renewed.renewals_left} more times`} possible`
    call.io.out(
      call.flag('json') ? `${visibleJson(renewed)}\n` : `Until ${renewed.expires_at} (${left}). ${visibleLine(renewed.message)}\n`,
    )
    return 0
  },
}
