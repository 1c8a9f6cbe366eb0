/** Which reasons of an arrived email say that it holds orders for a program, and from when on these are believed. */
import type { Reason } from './reason.ts'

/** Codes of inbound/content/signals.ts: its first group, without the one that is no order. */
export const injectionSigns: ReadonlySet<string> = new Set([
  'instruction-override',
  'assistant-addressed',
  'assistant-ordered',
  'role-play',
  'prompt-extraction',
  'exfiltration',
  'secrecy',
  'tool-call',
  'tool-named',
  'fake-boundary',
  'fake-turn',
  'chat-markup',
  'encoded-instructions',
  'disguised-words',
  'invisible-message',
])

/** By these signs alone it would be marked (inbound/verdict/doubts.ts). */
const enough = 5

export const hasOrders = (reasons: readonly Pick<Reason, 'code' | 'points'>[]): boolean =>
  reasons.reduce((sum, { code, points }) => sum + (injectionSigns.has(code) ? points : 0), 0) >= enough
