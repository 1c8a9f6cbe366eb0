import { asReviewer } from './client.ts'
import { type DecisionAction, type RejectionCode, rejectionCodes } from '../model/decision.ts'
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

const ofNo = {
  reason: { value: 'TEXT', help: 'what the agent is told (this or --code is needed)' },
  code: { value: 'WORD', help: `why, in a word: ${rejectionCodes.join(', ')}` },
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
  options: { ...common, ...ofNo },
  run: (call) => decide(call, 'reject'),
}

export const redo: Command = {
  help: 'Refuses an email and asks its agent for another version, which then waits in its place.',
  words: ['ID'],
  options: { ...common, ...ofNo },
  run: (call) => decide(call, 'redo'),
}

async function decide(call: Call, action: DecisionAction): Promise<number> {
  const id = call.word('ID')
  if (isId('approval', id)) {
    if (action === 'redo') throw new Stop('An action is approved or rejected.', 2)
    return decideAction(call, id, action)
  }
  const reason = call.text('reason')
  const code = action === 'approve' ? undefined : codeOf(call.text('code'))
  if (action !== 'approve' && reason === undefined && code === undefined)
    throw new Stop('Say why with --reason "…" or --code WORD: the agent learns from it.', 2)
  const decision = await asReviewer(call, async (server) => {
    const contentHash = call.text('hash') ?? (await shown(call, await findHeld(server, id)))
    return server.decide_email.mutate({
      email_id: id,
      action,
      content_hash: contentHash,
      ...(reason !== undefined && { reason }),
      ...(code !== undefined && { reason_code: code }),
    })
  })
  call.io.out(call.flag('json') ? `${visibleJson(decision)}\n` : `${decision.status}: ${visibleLine(decision.message)}\n`)
  return 0
}

function codeOf(text: string | undefined): RejectionCode | undefined {
  const code = rejectionCodes.find((one) => one === text)
  if (text !== undefined && code === undefined) throw new Stop(`--code is one of ${rejectionCodes.join(', ')}.`, 2)
  return code
}

/** The decision names what the person was shown here, and the server decides on nothing else. */
async function shown(call: Call, held: Awaited<ReturnType<typeof findHeld>>): Promise<string> {
  if (!call.flag('json')) call.io.out(`${heldText(held)}\n\n`)
  return held.content_hash
}
