/** What an operator reads when somebody wants something they have to agree to. Pure: plain text. */
import { type AdminAction, adminActions } from '../model/admin-action.ts'
import type { ApprovalId } from '../model/ids.ts'
import { mailDate } from '../model/mail-date.ts'

/** `parametersJson`: RFC 8785. `endsAt`: epoch ms. */
export type Request = {
  id: ApprovalId
  action: AdminAction
  parametersJson: string
  key: { name: string; prefix: string }
  account: string
  code: string
  endsAt: number
}

export function approvalLetter(request: Request): { subject: string; body: string } {
  const { id, action, key, account, code, endsAt } = request
  const lines = [
    `An API key of the account ${quoted(account)} wants to ${adminActions[action].words}.`,
    '',
    `  Key:     ${quoted(key.name)} (${key.prefix}…)`,
    `  Action:  ${action}`,
    '',
    'With exactly this:',
    '',
    ...readable(request.parametersJson).map((line) => `  ${line}`),
    '',
    'If you want it, give this code to whoever asked you for it:',
    '',
    `  ${code}`,
    '',
    `It is good for this one thing, once, until ${mailDate(endsAt)}.`,
    'You can also agree on the server itself, without giving the code to anybody:',
    '',
    `  multimail approve ${id}`,
    '',
    'If you did not expect this, do nothing: nothing happens without the code. Then look at who has this key.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ]
  return { subject: `Approval needed: ${adminActions[action].words}`, body: lines.join('\n') }
}

/** JSON that a person can read, and in which nothing can pass for a line of ours: strings are quoted, and what is not seen is escaped. */
const readable = (json: string): string[] => visible(JSON.stringify(JSON.parse(json), null, 2)).split('\n')

/** As a text of somebody else, on one line. */
export const quoted = (text: string): string => visible(JSON.stringify(text))

// Controls, formats (bidirectional and zero-width), private use, unassigned; other line ends; what is invisible by default; odd spaces.
const unseen = /(?!\n)[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu
const visible = (text: string): string => text.replace(unseen, escaped)
const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
