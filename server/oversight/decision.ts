/** The words of a decision: what is asked, what comes of it, and what may go wrong. */
import type { Direction, EmailStatus } from '../model/email.ts'
import type { CanaryFault } from '../model/canary.ts'
import type { EmailId } from '../model/ids.ts'
import type { DecisionAction, RejectionCode } from '../model/decision.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store, Tx } from '../store/db.ts'
import type { NewLogEntry } from '../store/log.ts'

export type DecisionInput = {
  email: EmailId
  action: DecisionAction
  /** told to the agent when it is a no, and kept with the decision */
  reason?: string | undefined
  /** the same in a word, of a no */
  code?: RejectionCode | undefined
  /** the content the reviewer looked at, as a pending item names it; when given, a decision about any other is refused */
  contentHash?: string | undefined
  /** uses up what the decision was made with, in its transaction, and gives what the record says of that; null: it was used already, and nothing is decided */
  spend?: ((tx: Tx) => Promise<NewLogEntry | null>) | undefined
}
export type Decided = {
  emailId: EmailId
  direction: Direction
  status: EmailStatus
  action: DecisionAction
  code: RejectionCode | null
  /** epoch ms */
  decidedAt: number
  /** epoch ms: until then the yes can be taken back, and the email does not leave; null: it cannot */
  undoUntil: number | null
  /** epoch ms when the email went into the queue; null for a rejection and for arriving mail */
  queuedAt: number | null
  /** of a hold that one yes does not end: how many there are now, and how many it takes; null otherwise */
  approvals: { given: number; needed: number } | null
  /** whoever wrote it decided on it, which only a test key may */
  selfApproved: boolean
  /** it was a test email, and nothing is sent whatever was decided */
  canary?: { fault: CanaryFault; isMissed: boolean }
}
export type DecisionCode =
  | 'EMAIL_NOT_FOUND'
  | 'NOT_PENDING'
  | 'SELF_APPROVAL'
  | 'HOLD_EXPIRED'
  | 'CONTENT_CHANGED'
  | 'SCOPE_MISSING'
  | 'SAME_REVIEWER'
  | 'NOT_SIGNED_IN'
  | 'REDO_NOT_POSSIBLE'
  | 'FRESH_SIGN_IN_NEEDED'

export type ApprovalsDeps = {
  store: Store
  clock: Clock
  log: Log
  /** called after each commit that put something into the queue */
  onReleased: () => void
  /** how long each delivery is tried, from the release on */
  giveUpAfterMs: number
  allowTestSelfApproval: boolean
  /** for how long a hold waits that is renewed; left out: three days */
  renewForMs?: number
}
