/** When an email is to leave (contract §3.2). Pure. */
import type { GateTiming, Priority } from '../model/email.ts'

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

/** What `submit` asks (model/life.ts). With gate_first, which is what is meant when nothing is said, a reviewer decides before the time, else at it. */
export const whenToSend = ({ sendAt, gateTiming }: Timing, now: number): { waits: boolean; atItsTime: boolean } => ({
  waits: sendAt !== null && sendAt > now,
  atItsTime: gateTiming === 'schedule_first',
})
