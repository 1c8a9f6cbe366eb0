/**
 * How much a mailbox's agent may do alone, as one function (design promise 4): down at any time, up only by a code that a person handed over, or by a
 * person on the host. Pure; proved in docs/model/Life.v.
 */
import { type OversightMode, isHigher } from './email.ts'

/** What was asked for and waits for its code. `from`: the mode it is a step from; `tries`: wrong codes so far. */
export type Asked = { from: OversightMode; to: OversightMode; tries: number; isOver: boolean }
export type Autonomy = { mode: OversightMode; asked: Asked | null }

export type AutonomyEvent =
  | { kind: 'set'; to: OversightMode }
  | { kind: 'ask'; to: OversightMode }
  /** `fits`: it is the code that was mailed to the person */
  | { kind: 'present'; fits: boolean }
  /** by a person on the host, of a mailbox that was made to ask */
  | { kind: 'restore'; to: OversightMode }

export type AutonomyMoved = { kind: 'moved'; autonomy: Autonomy }
export type AutonomyStep = AutonomyMoved | { kind: 'refused'; why: 'UPGRADE_NEEDS_CODE' | 'NOT_AN_UPGRADE' | 'UPGRADE_NOT_FOUND' }

/** With the last of them the code is worth nothing any more. */
const mostWrongTries = 5

const moved = (mode: OversightMode, asked: Asked | null): AutonomyStep => ({ kind: 'moved', autonomy: { mode, asked } })

export function stepAutonomy({ mode, asked }: Autonomy, event: AutonomyEvent): AutonomyStep {
  switch (event.kind) {
    case 'set':
      return isHigher(event.to, mode) ? { kind: 'refused', why: 'UPGRADE_NEEDS_CODE' } : moved(event.to, asked)
    case 'ask':
      return isHigher(event.to, mode)
        ? moved(mode, { from: mode, to: event.to, tries: 0, isOver: false })
        : { kind: 'refused', why: 'NOT_AN_UPGRADE' }
    case 'present':
      return presented(mode, asked, event.fits)
    case 'restore':
      return mode === 'gated_send' && isHigher(event.to, mode) ? moved(event.to, asked) : { kind: 'refused', why: 'NOT_AN_UPGRADE' }
  }
}

function presented(mode: OversightMode, asked: Asked | null, fits: boolean): AutonomyStep {
  // Somebody lowered it meanwhile: what was asked for was another step.
  if (asked === null || asked.isOver || asked.from !== mode) return { kind: 'refused', why: 'UPGRADE_NOT_FOUND' }
  if (fits) return moved(asked.to, null)
  const tries = asked.tries + 1
  return moved(mode, tries < mostWrongTries ? { ...asked, tries } : null)
}
