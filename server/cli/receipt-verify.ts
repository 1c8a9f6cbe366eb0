import { open } from 'node:fs/promises'
import { parseVerifierKey } from '../model/note.ts'
import type { Receipt } from '../model/receipt.ts'
import { type ReceiptFault, verifyReceipt } from '../record/receipt.ts'
import { type Command, Stop, jsonOption } from './command.ts'
import { visibleJson, visibleLine } from './visible.ts'

/** Octets. */
const longestFile = 16 * 1024 * 1024

export const receiptVerify: Command = {
  help: 'Checks the receipt of a sent mail (get_receipt), without any server: that its entries are in the log which the key has signed, and that it says what they say. Ends with 1 when not. What that proves, and what not, is in docs/receipts.md.',
  words: ['FILE'],
  options: {
    key: { value: 'KEY', help: 'the key of the log, from its operator and not from the receipt (`multimail audit key`)' },
    ...jsonOption,
  },
  async run(call) {
    const key = parseVerifierKey(call.text('key') ?? '')
    if (key === null) throw new Stop('Give --key with the key of the log, NAME+ID+KEY, as its operator has told you.', 2)
    const checked = verifyReceipt(await textOf(call.word('FILE')), key)
    if (call.flag('json')) call.io.out(`${visibleJson(checked)}\n`)
    else if (checked.ok) call.io.out(wordsOf(checked.value.receipt, checked.value.size))
    else
      call.io.out(
        `The receipt does not hold: ${checked.code}${checked.detail === undefined ? '' : ` (${checked.detail})`}. ${meanings[checked.code]}\n`,
      )
    return checked.ok ? 0 : 1
  },
}

async function textOf(name: string): Promise<string> {
  try {
    await using file = await open(name)
    const { size } = await file.stat()
    if (size > longestFile) throw new Error('it is too large for a receipt')
    return await file.readFile('utf8')
  } catch (error) {
    throw new Stop(`${visibleLine(name)} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 2)
  }
}

function wordsOf({ email_id, content_hash, release, approval, deliveries }: Receipt, size: number): string {
  const ground =
    approval === null
      ? `by a policy (${visibleLine(release.rule ?? '')})`
      : `after approval at ${approval.at} (${approval.actor_kind}${approval.self_approved ? ', which had written it' : ''})`
  const lines = [
    `The receipt holds: email ${visibleLine(email_id)}, under a checkpoint of ${size} entries.`,
    `Content:  ${content_hash}`,
    `Released: ${release.at}, ${ground}`,
    ...deliveries.map(
      ({ recipient, outcome, at, reply, code }) =>
        `${outcome} at ${at}: ${visibleLine(recipient ?? 'a recipient who is not named')}: ${visibleLine(reply ?? code ?? 'no reply')}`,
    ),
  ]
  return `${lines.join('\n')}\n`
}

const meanings: Record<ReceiptFault, string> = {
  NO_RECEIPT: 'The file is not a receipt as this version knows it.',
  OTHER_KEY: 'Its checkpoint was not signed with this key.',
  NOT_IN_LOG: 'What stands here is not in the log that was signed.',
  NOT_SAID: 'It says what its entries do not.',
}
