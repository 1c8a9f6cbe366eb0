import type { OversightMode } from '../../server/model/email.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import type { Tx } from '../../server/store/db.ts'
import { setMode } from '../../server/store/mailboxes.ts'

/** As if somebody who may had done it. */
export const putMode = (tx: Tx, id: MailboxId, from: OversightMode, mode: OversightMode): Promise<boolean> =>
  setMode(tx, id, from, { kind: 'moved', autonomy: { mode, asked: null } })
