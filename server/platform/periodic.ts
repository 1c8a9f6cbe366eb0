import { parse } from 'node-cron'
import type { Alarm, Clock } from './clock.ts'
import type { Log } from './log.ts'

/** Work that comes again. `schedule`: five fields of cron (minute, hour, day of month, month, day of week), in UTC; a day has to be right in both of
 *  its fields. `work` is told the time (epoch ms) and may be asked again by another node, or sooner than the schedule says, so it looks first. */
export type Job = { name: string; schedule: string; work: (now: number) => Promise<void> }

export type Periodic = {
  start(): void
  /** Resolves when no work is under way any more. */
  stop(): Promise<void>
}

type PeriodicDeps = { jobs: readonly Job[]; clock: Clock; log: Log }

/** Does each job at its times. A job that is still at work when its time comes does not begin again, and one that fails is asked at its next time.
 *  Throws at once for a schedule that nobody understands. */
export function createPeriodic({ jobs, clock, log }: PeriodicDeps): Periodic {
  const loops = jobs.map((job) => createLoop(job, clock, log))
  return {
    start: () => loops.forEach((loop) => loop.start()),
    stop: async () => void (await Promise.all(loops.map((loop) => loop.stop()))),
  }
}

function createLoop({ name, schedule, work }: Job, clock: Clock, log: Log): Periodic {
  const after = timesOf(schedule)
  let alarm: Alarm | null = null
  let working: Promise<void> = Promise.resolve()
  const wait = (): void => {
    alarm = clock.at(after(clock.now()), () => {
      alarm = null
      working = begin()
    })
  }
  const begin = async (): Promise<void> => {
    try {
      await work(clock.now())
      log.debug({ job: name }, 'periodic.done')
    } catch (error) {
      log.error({ job: name, err: error }, 'periodic.failed')
    }
    if (isRunning) wait()
  }
  let isRunning = false
  return {
    start() {
      if (isRunning) return
      isRunning = true
      wait()
    },
    async stop() {
      isRunning = false
      alarm?.cancel()
      await working
    },
  }
}

const minute = 60_000
const day = 24 * 60 * minute
// The 29th of February comes again within eight years, whatever the century.
const longestDays = 8 * 366

/**
 * When a schedule comes next: a function from a time to the first time after it (epoch ms). node-cron reads the schedule and nothing more: its own
 * timers know no clock but the machine's, and tests reach day ninety in no time. Throws when the schedule cannot be read or never comes.
 */
export function timesOf(schedule: string): (after: number) => number {
  const fields = parse(schedule)
  const [months, days, weekdays] = [fields.month, fields.dayOfMonth, fields.dayOfWeek].map(numbers)
  const times = fields.hour.flatMap((hour) => fields.minute.map((one) => (hour * 60 + one) * minute)).toSorted((a, b) => a - b)
  const isDay = (midnight: number): boolean => {
    const date = new Date(midnight)
    const facts = [date.getUTCMonth() + 1, date.getUTCDate(), date.getUTCDay()]
    return [months, days, weekdays].every((allowed, index) => allowed?.has(facts[index] ?? -1))
  }
  return (after) => {
    const today = after - (after % day)
    for (let count = 0; count <= longestDays; count += 1) {
      const midnight = today + count * day
      const time = isDay(midnight) ? times.find((offset) => midnight + offset > after) : undefined
      if (time !== undefined) return midnight + time
    }
    throw new Error(`the schedule ${schedule} never comes`)
  }
}

/** A field as numbers. node-cron has words for some days ("the last Friday"), which nothing of ours needs. */
function numbers(field: readonly (number | string)[]): Set<number> {
  if (field.every((one) => typeof one === 'number')) return new Set(field)
  throw new Error('a schedule with words for days is not understood here')
}
