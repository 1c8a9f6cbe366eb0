/** How thoroughly a message is examined, and how much less when that proved to be too much. Pure. */
import type { TextCare } from '../content/readable-text.ts'
import type { MessageFlag } from '../message/parsed-message.ts'

/** What is done, in this order: a job that ends before its time has come to one of these. */
export const stages = ['begin', 'authenticate', 'read', 'text', 'report'] as const
export type Stage = (typeof stages)[number]

/** `flags`: what could not be done, for the message to carry. */
export type Plan = {
  authenticate: boolean
  read: 'whole' | 'header' | 'nothing'
  text: TextCare
  report: boolean
  flags: MessageFlag[]
}

export const wholly: Plan = { authenticate: true, read: 'whole', text: 'good', report: true, flags: [] }

type Trouble = { kind: 'failed' | 'stuck' | 'died'; stage: number }

/** The plan without what ended it at this stage; null when there is nothing left to leave out. */
export function lesser(plan: Plan, trouble: Trouble): Plan | null {
  switch (stages[trouble.stage] ?? 'begin') {
    case 'begin':
      return null
    case 'authenticate':
      return plan.authenticate ? { ...plan, authenticate: false } : null
    case 'read':
      return readLess(plan, trouble.kind === 'stuck' ? 'parse-timeout' : 'parse-failed')
    case 'text':
      return plan.text === 'none' ? null : { ...plan, text: plan.text === 'good' ? 'simple' : 'none' }
    case 'report':
      return plan.report ? { ...plan, report: false } : null
  }
}

function readLess(plan: Plan, flag: MessageFlag): Plan | null {
  if (plan.read === 'whole') return { ...plan, read: 'header', flags: ['unparsable', flag] }
  return plan.read === 'header' ? { ...plan, read: 'nothing' } : null
}
