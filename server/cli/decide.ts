import { asReviewer } from './client.ts'
import { isId } from '../model/ids.ts'
import { decideAction } from './actions.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { findHeld, heldText } from './held.ts'
import { visibleJson, visibleLine } from './visible.ts'

const common = {
  ...jsonOption,
  hash: {
    value: 'HASH',
    help: 'the content hash that `multimail show` printed: if what waits is another content by now, nothing is decided',
  },
}

export const approve: Command = {
  help: 'Approves an email: exactly the content that waits is released and delivered. Without --hash the email is shown first, and what was shown is what is approved. With an id from `multimail actions`, lets that action be done: whoever asked for it makes the same call again.',
  words: ['ID'],
  options: { ...common, reason: { value: 'TEXT', help: 'a note for the record' } },
  run: (call) => decide(call, 'approve'),
}

export const reject: Command = {
  help: 'Refuses an email, of which the agent is told the reason; or an action, with its id from `multimail actions`.',
  words: ['ID'],
  options: { ...common, reason: { value: 'TEXT', help: 'what the agent is told (needed)' } },
  run: (call) => decide(call, 'reject'),
}

async function decide(call: Call, action: 'approve' | 'reject'): Promise<number> {
  const id = call.word('ID')
  if (isId('approval', id)) return decideAction(call, id, action)
  const reason = call.text('reason')
  if (action === 'reject' && reason === undefined) throw new Stop('Say why with --reason "…": the agent learns from it.', 2)
  const decision = await asReviewer(call, async (server) => {
    const contentHash = call.text('hash') ?? (await shown(call, await findHeld(server, id)))
    return server.decide_email.mutate({
      email_id: id,
      action,
      content_hash: contentHash,
      ...(reason !== undefined && { reason }),
    })
  })
  call.io.out(call.flag('json') ? `${visibleJson(decision)}\n` : `${decision.status}: ${visibleLine(decision.message)}\n`)
  return 0
}

/** The decision names what the person was shown here, and the server decides on nothing else. */
async function shown(call: Call, held: Awaited<ReturnType<typeof findHeld>>): Promise<string> {
  if (!call.flag('json')) call.io.out(`${heldText(held)}\n\n`)
  return held.content_hash
}
