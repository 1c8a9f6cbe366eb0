import { describe, expect, it } from 'vitest'
import { closeOnSignal } from '../../server/platform/lifecycle.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

type Listener = (signal: NodeJS.Signals, number: number) => void

/** A process that a test can signal, and that writes down how it would have ended. */
function setUp(close: () => Promise<void>) {
  const listeners = new Map<string | symbol, Listener>()
  const exits: number[] = []
  const host = {
    on: (signal: string | symbol, listener: Listener) => void listeners.set(signal, listener),
    exit: (code: number) => void exits.push(code),
  }
  const clock = createVirtualClock(0)
  let closings = 0
  const counted = (): Promise<void> => {
    closings++
    return close()
  }
  const stop = closeOnSignal({
    log: silentLog,
    close: counted,
    clock,
    host: host as unknown as NonNullable<Parameters<typeof closeOnSignal>[0]['host']>,
  })
  const signal = (name: NodeJS.Signals, number: number): void => listeners.get(name)?.(name, number)
  return { clock, exits, stop, signal, closings: () => closings }
}

const never = (): Promise<void> => new Promise(() => {})

describe('the process', () => {
  it.each([
    ['SIGTERM', 15],
    ['SIGINT', 2],
  ] as const)('closes once on %s and ends with 0', async (name, number) => {
    const { clock, exits, signal, closings } = setUp(() => Promise.resolve())
    signal(name, number)
    expect(exits).toEqual([])
    await clock.advance(0)
    expect([exits, closings()]).toEqual([[0], 1])
    await clock.advance(60_000)
    expect(exits).toEqual([0])
  })

  it('ends with 1 when closing fails', async () => {
    const { clock, exits, signal } = setUp(() => Promise.reject(new Error('the disk is gone')))
    signal('SIGTERM', 15)
    await clock.advance(0)
    expect(exits).toEqual([1])
  })

  it('ends with 1 when closing takes longer than 9 s', async () => {
    const { clock, exits, signal } = setUp(never)
    signal('SIGTERM', 15)
    await clock.advance(8999)
    expect(exits).toEqual([])
    await clock.advance(1)
    expect(exits).toEqual([1])
  })

  it('ends at once, by the signal’s number, when somebody asks twice', async () => {
    const { exits, signal, closings } = setUp(never)
    signal('SIGTERM', 15)
    signal('SIGINT', 2)
    expect([exits, closings()]).toEqual([[130], 1])
  })

  it('closes for another reason with the code that is given, once', async () => {
    const { clock, exits, stop, closings } = setUp(() => Promise.resolve())
    stop(1)
    stop(0)
    await clock.advance(0)
    expect([exits, closings()]).toEqual([[1], 1])
  })
})
