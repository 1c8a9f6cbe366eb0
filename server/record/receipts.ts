/** Makes receipts of mail that was let go (docs/receipts.md). What is handed out was verified as whoever gets it will. */
import type { DeliveryId, EmailId } from '../model/ids.ts'
import { verifierKeyText, type NoteKey } from '../model/note.ts'
import { type Receipt, receiptFormat } from '../model/receipt.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Store } from '../store/db.ts'
import { entriesOfMail } from '../store/log-mail.ts'
import { TreeHole, inclusionPaths } from '../store/log-tree.ts'
import type { Checkpoints, Uncovered } from './checkpoints.ts'
import { summaryOf, verifyReceipt } from './receipt.ts'

export type Receipts = {
  /** @param shown.deliveries those of its recipients that whoever asks may see. @param shown.reviews whether they may know who looked at it when */
  of(email: EmailId, shown: { deliveries: readonly DeliveryId[]; reviews: boolean }): Promise<Result<Receipt, 'NOT_RELEASED' | Uncovered>>
}

type ReceiptsDeps = { store: Store; key: NoteKey; checkpoints: Pick<Checkpoints, 'covering'> }

export const createReceipts = ({ store: { db }, key, checkpoints }: ReceiptsDeps): Receipts => ({
  async of(email, shown) {
    const rows = await entriesOfMail(db, email, shown)
    const last = rows.at(-1)
    if (last === undefined || !rows.some(({ action }) => action === 'email.released')) return fail('NOT_RELEASED')
    const covered = await checkpoints.covering(last.seq)
    if (!covered.ok) return covered
    try {
      const { note, size } = covered.value
      const seqs = rows.map(({ seq }) => seq)
      const paths = await inclusionPaths(db, seqs, size)
      const entries = rows.map(({ seq, body, action, details_json, details_salt }, at) => {
        // The rest says who wrote to whom, and what a reviewer said.
        const isShown = action.startsWith('delivery.')
        return { seq, body, details: isShown ? details_json : null, salt: isShown ? details_salt : null, path: paths[at] ?? [] }
      })
      const summary = summaryOf(email, entries)
      const receipt: Receipt | null = summary && { format: receiptFormat, ...summary, entries, checkpoint: note, key: verifierKeyText(key) }
      return receipt !== null && verifyReceipt(JSON.stringify(receipt), key).ok ? ok(receipt) : fail('RECORD_IN_DOUBT')
    } catch (error) {
      if (error instanceof TreeHole) return fail('RECORD_IN_DOUBT')
      throw error
    }
  },
})
