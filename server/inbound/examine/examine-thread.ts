/** The thread in which messages are examined. Its heap and time are limited from outside (workers.ts). */
import type { Resolver, RrType, Timed } from '../../../dns/resolver.ts'
import { resolverOver } from '../../../dns/lookup.ts'
import { systemClock } from '../../platform/clock.ts'
import { type ExamineTask, type NameQuestion, examineMessage } from './examine-message.ts'
import type { Examination } from './examination.ts'
import { type Outside, serve } from './lane-thread.ts'
import { stages } from './plan.ts'
import { useQuickMime } from '../message/quick-mime.ts'

/** Answers are kept here as long as they hold: asking the event loop, which keeps them too, takes a hundred times as long. */
const mostKept = 2_000
const longestKept = 4_096
const kept = new Map<string, Timed<RrType>>()

useQuickMime()
// A name that does not exist is an error to mailauth, several times a message, and nobody reads where it was made.
Error.stackTraceLimit = 0

serve(async (input, outside) => {
  const task = input as ExamineTask
  const examination = await examineMessage(task, resolverFor(task, outside), (stage) => outside.enter(stages.indexOf(stage)))
  return { value: examination, transfer: ownMemory(examination) }
})

function resolverFor({ examiner }: ExamineTask, outside: Outside): Resolver {
  const peek = <T extends RrType>(name: string, rrtype: T): Timed<T> | undefined => {
    const known = kept.get(keyOf(examiner, name, rrtype)) as Timed<T> | undefined
    return known !== undefined && known.validUntil > systemClock.now() ? known : undefined
  }
  return resolverOver(async <T extends RrType>(name: string, rrtype: T) => {
    const known = peek(name, rrtype)
    if (known !== undefined) return known
    const timed = (await outside.ask({ name, rrtype } satisfies NameQuestion)) as Timed<T>
    keep(keyOf(examiner, name, rrtype), timed)
    return timed
  }, peek)
}

const keyOf = (examiner: number, name: string, rrtype: RrType): string => `${examiner} ${rrtype} ${name}`

function keep(key: string, timed: Timed<RrType>): void {
  if (timed.validUntil === 0 || sizeOf(timed) > longestKept) return
  kept.delete(key)
  kept.set(key, timed)
  if (kept.size > mostKept) kept.delete(kept.keys().next().value ?? key)
}

const sizeOf = ({ answer }: Timed<RrType>): number => (answer.kind === 'found' ? JSON.stringify(answer.value).length : 0)

/** Attachments are the large part of an answer; each that has its memory to itself is handed over with it. */
function ownMemory({ parsed }: Examination): ArrayBuffer[] {
  const contents = parsed.attachments.map(({ content }) => content)
  const whole = contents.filter(
    ({ buffer, byteLength }) => buffer instanceof ArrayBuffer && buffer.byteLength === byteLength && byteLength > 0,
  )
  return [...new Set(whole.map(({ buffer }) => buffer as ArrayBuffer))]
}
