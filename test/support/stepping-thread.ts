/** A thread whose jobs do what their input says, one word after the other: a number enters that stage, `rest` lets the loop turn, `ask` asks,
 *  `exit` ends the thread, `go on` keeps it moving for ever. */
import { setImmediate as turn } from 'node:timers/promises'
import { type Outside, serve } from '../../server/inbound/examine/lane-thread.ts'

export type Step = number | 'rest' | 'ask' | 'exit' | 'go on'

const steps: Record<Exclude<Step, number>, (outside: Outside) => Promise<unknown>> = {
  rest: async () => {
    await turn()
    await turn()
  },
  ask: (outside) => outside.ask(null),
  exit: () => process.exit(3),
  'go on': async () => {
    for (;;) await turn()
  },
}

serve(async (input, outside) => {
  for (const step of input as Step[]) {
    if (typeof step === 'number') outside.enter(step)
    else await steps[step](outside)
  }
  return { value: 'ended', transfer: [] }
})
