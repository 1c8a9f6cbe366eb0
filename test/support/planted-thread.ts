/** A thread that examines like the product's, except that a message can tell it to fail: `X-Plant: spin read`, `bomb authenticate`, `exit text`,
 *  `throw report`; with ` once` behind, only the first time of that message in this thread's life. */
import { createZoneResolver } from '../../dns/resolver.ts'
import { type ExamineTask, examineMessage } from '../../server/inbound/examine/examine-message.ts'
import { serve } from '../../server/inbound/examine/lane-thread.ts'
import { stages } from '../../server/inbound/examine/plan.ts'

const spin = (): never => {
  for (;;) Math.sqrt(2)
}
const bomb = (): never => {
  const kept: object[] = []
  for (;;) kept.push(Array.from({ length: 10_000 }, () => ({})))
}
const deeds: Record<string, () => void> = {
  spin,
  bomb,
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('planted')
  },
}

serve(async (input, outside) => {
  const task = input as ExamineTask
  const [, deed = '', where = ''] = /^X-Plant: (\w+) (\w+)/m.exec(Buffer.from(task.bytes).toString('latin1')) ?? []
  // Asked, so that tests can let a job wait as long as they like.
  if (deed === 'ask') await outside.ask({ name: `${where}.test`, rrtype: 'TXT' })
  const plan = isLeftOut(task, where) ? '' : deed
  const value = await examineMessage(task, createZoneResolver({}), (stage) => {
    outside.enter(stages.indexOf(stage))
    if (stage === where) deeds[plan]?.()
  })
  return { value, transfer: [] }
})

/** What the plan leaves out cannot fail. */
function isLeftOut({ plan }: ExamineTask, stage: string): boolean {
  if (stage === 'authenticate') return !plan.authenticate
  if (stage === 'read') return plan.read !== 'whole'
  if (stage === 'text') return plan.text !== 'good'
  return stage === 'report' && !plan.report
}
