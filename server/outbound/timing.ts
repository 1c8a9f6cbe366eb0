/** When an email is to leave, and what it becomes when it is handed in (contract §3.2). Pure. */
import type { GateTiming, Priority } from '../model/email.ts'
import type { EmailRow } from '../store/emails.ts'

/** `sendAt`: not before (epoch ms); null: at once. `giveUpAfterMs` null: as the settings say. */
export type Timing = { sendAt: number | null; gateTiming: GateTiming | null; priority: Priority; giveUpAfterMs: number | null }

export const atOnce: Timing = { sendAt: null, gateTiming: null, priority: 1, giveUpAfterMs: null }

export const timingColumns = ({ sendAt, gateTiming, priority, giveUpAfterMs }: Timing) => ({
  send_at: sendAt,
  due_at: sendAt,
  gate_timing: gateTiming,
  priority,
  give_up_after_ms: giveUpAfterMs,
})

type Due = Pick<EmailRow, 'send_at' | 'gate_timing'>

const isForLater = ({ send_at }: Pick<EmailRow, 'send_at'>, now: number): boolean => send_at !== null && send_at > now

/** With gate_first, which is what is meant when nothing is said, a reviewer decides before the time, else at it. */
export function statusAfterGate(gate: 'allow' | 'hold', email: Due, now: number): 'pending_send_approval' | 'scheduled' | 'sent' {
  const waits = isForLater(email, now)
  if (gate === 'hold') return waits && email.gate_timing === 'schedule_first' ? 'scheduled' : 'pending_send_approval'
  return waits ? 'scheduled' : 'sent'
}
