/** Once a day the operator is sent what was signed: kept outside of this server, it shows what nobody here can take back. */
import { type NoteKey, verifierKeyText } from '../model/note.ts'
import { accountMeant, lockAccount } from '../store/accounts.ts'
import type { Store } from '../store/db.ts'
import { type CheckpointRow, lastMailedAt, setMailedAt } from '../store/log-checkpoints.ts'
import { operatorOf } from '../store/operator-address.ts'
import { insertOperatorMail } from '../store/operator-mails.ts'

const hourMs = 3_600_000
/** Half an hour less than a day: it is looked at once an hour, not at the same second. */
const pauseMs = 23.5 * hourMs
const givenUpAfterMs = 72 * hourMs

/** Writes the letter when it is due: a day after the last, when more is signed. @returns false when it is not, or nobody is asked by mail */
export const mailDue = ({ store, key }: { store: Store; key: NoteKey }, checkpoint: CheckpointRow, now: number): Promise<boolean> =>
  store.transaction(async (tx) => {
    // The operator's own account is the one that was made first on the host.
    const account = await accountMeant(tx)
    if (account === undefined) return false
    // Of several nodes one writes.
    await lockAccount(tx, account.id)
    const last = await lastMailedAt(tx, now)
    const recipient = await operatorOf(tx, account.id)
    if (recipient === null || checkpoint.mailed_at !== null || (last !== null && now < last + pauseMs)) return false
    await setMailedAt(tx, checkpoint.size, now)
    const letter = checkpointLetter(checkpoint, key)
    await insertOperatorMail(tx, { accountId: account.id, recipient, ...letter, now, giveUpAt: now + givenUpAfterMs })
    return true
  })

/** Pure: plain text. */
function checkpointLetter({ size, note, created_at }: CheckpointRow, key: NoteKey): { subject: string; body: string } {
  const lines = [
    `The log of this server, its first ${size} entries, as signed at ${new Date(created_at).toISOString()}:`,
    '',
    note.trimEnd(),
    '',
    'Keep this letter. If an entry is changed or taken away later, even with the whole server, this shows it:',
    'save it as a file and let',
    '',
    '  multimail audit verify --checkpoint FILE --key KEY',
    '',
    'compare, on the server or (with --file) on another machine with an exported log. KEY is this line,',
    'which is the same in each letter; should it ever be another one, ask why:',
    '',
    verifierKeyText(key),
    '',
  ]
  return { subject: `Checkpoint of the log: ${size} entries`, body: lines.join('\n') }
}
