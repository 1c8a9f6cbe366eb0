import fc from 'fast-check'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { isKeepable, isTimeZone, minutesIn, quietUntil, timeText } from '../../server/model/quiet-hours.ts'

const minute = 60_000
const at = (text: string): number => Date.parse(text)
const iso = (time: number | null): string | null => (time === null ? null : new Date(time).toISOString().slice(0, 16))

describe('quiet hours', () => {
  it.each([
    // zone, from, to, at this moment (UTC), quiet until (UTC)
    ['Europe/Berlin', '22:00', '07:00', '2026-01-15T20:59Z', null],
    ['Europe/Berlin', '22:00', '07:00', '2026-01-15T21:00Z', '2026-01-16T06:00'],
    ['Europe/Berlin', '22:00', '07:00', '2026-01-16T05:59Z', '2026-01-16T06:00'],
    ['Europe/Berlin', '22:00', '07:00', '2026-01-16T06:00Z', null],
    ['Europe/Berlin', '22:00', '07:00', '2026-07-15T20:00Z', '2026-07-16T05:00'],
    ['Europe/Berlin', '12:00', '13:30', '2026-07-15T11:29:59Z', '2026-07-15T11:30'],
    // Put forward at 01:00 UTC on 29 March: the night is an hour shorter.
    ['Europe/Berlin', '22:00', '07:00', '2026-03-28T21:00Z', '2026-03-29T05:00'],
    ['Europe/Berlin', '22:00', '07:00', '2026-03-29T00:59Z', '2026-03-29T05:00'],
    // 02:30 is left out: it is over when the clock shows 03:00.
    ['Europe/Berlin', '22:00', '02:30', '2026-03-28T23:00Z', '2026-03-29T01:00'],
    ['Europe/Berlin', '02:00', '02:30', '2026-03-29T00:59Z', null],
    ['Europe/Berlin', '02:00', '02:30', '2026-03-29T01:00Z', null],
    // Put back at 01:00 UTC on 25 October: an hour longer, and 02:00 to 03:00 comes twice.
    ['Europe/Berlin', '22:00', '07:00', '2026-10-24T20:00Z', '2026-10-25T06:00'],
    ['Europe/Berlin', '22:00', '02:30', '2026-10-24T20:00Z', '2026-10-25T00:30'],
    ['Europe/Berlin', '22:00', '02:30', '2026-10-25T00:45Z', null],
    ['Europe/Berlin', '22:00', '02:30', '2026-10-25T01:00Z', '2026-10-25T01:30'],
    ['Europe/Berlin', '02:30', '04:00', '2026-10-25T00:45Z', '2026-10-25T01:00'],
    // Not quiet for half an hour, for two minutes: put back to before they begin.
    ['Europe/Berlin', '02:30', '12:00', '2026-10-25T00:45Z', '2026-10-25T01:00'],
    ['America/St_Johns', '01:02', '03:01', '2026-11-01T04:29Z', '2026-11-01T04:30'],
    ['America/New_York', '21:00', '06:00', '2026-03-08T05:00Z', '2026-03-08T10:00'],
    ['America/New_York', '21:00', '06:00', '2026-11-01T05:00Z', '2026-11-01T11:00'],
    // By half an hour, and at odd offsets; and where there is no summer time.
    ['Australia/Lord_Howe', '23:00', '06:00', '2026-10-03T13:00Z', '2026-10-03T19:00'],
    ['Asia/Kathmandu', '22:00', '07:00', '2026-05-01T16:15Z', '2026-05-02T01:15'],
    ['Pacific/Apia', '22:00', '07:00', '2026-05-01T09:00Z', '2026-05-01T18:00'],
    ['UTC', '00:00', '08:00', '2026-05-01T00:00Z', '2026-05-01T08:00'],
  ])('in %s from %s to %s, at %s: until %s', (zone, from, to, now, until) => {
    const quiet = { zone, from: minutesIn(from) ?? -1, to: minutesIn(to) ?? -1 }
    expect(iso(quietUntil(quiet, at(now)))).toBe(until)
  })

  it('end at the first minute at which the clock on the wall shows none of them, within a day', () => {
    const zones = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'America/St_Johns', 'Asia/Kathmandu', 'Africa/Casablanca']
    const times = fc.integer({ min: at('2026-01-01T00:00Z') / minute, max: at('2027-12-31T00:00Z') / minute })
    const near = fc
      .tuple(
        fc.constantFrom('2026-03-29T01:00Z', '2026-10-25T01:00Z', '2026-03-08T07:00Z', '2026-11-01T06:00Z', '2026-10-03T15:30Z'),
        fc.integer({ min: -300, max: 300 }),
      )
      .map(([change, minutes]) => at(change) / minute + minutes)
    const wall = (zone: string, time: number) => {
      const text = new Date(time).toLocaleTimeString('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
      return minutesIn(text) ?? Number.NaN
    }
    const daytime = fc.integer({ min: 0, max: 1439 })
    fc.assert(
      fc.property(fc.constantFrom(...zones), daytime, daytime, fc.oneof(times, near), (zone, from, to, minutes) => {
        fc.pre(isKeepable({ from, to }))
        const now = minutes * minute
        const isQuiet = (time: number) => {
          const shown = wall(zone, time)
          return from < to ? from <= shown && shown < to : shown >= from || shown < to
        }
        const until = quietUntil({ zone, from, to }, now)
        if (until === null) {
          expect(isQuiet(now)).toBe(false)
          return
        }
        expect(until - now).toBeLessThanOrEqual(26 * 60 * minute)
        expect([isQuiet(now), isQuiet(until), isQuiet(until - minute)]).toEqual([true, false, true])
        // Nothing between was not quiet: a few are looked at.
        for (let time = now; time < until; time += 17 * minute) expect(isQuiet(time)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  it('are kept when they leave time to be told, in a zone that knows its summer', () => {
    expect([isKeepable({ from: 0, to: 0 }), isKeepable({ from: 1320, to: 420 }), isKeepable({ from: 420, to: 0 })]).toEqual([
      false,
      true,
      false,
    ])
    for (const zone of ['Europe/Berlin', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5', 'UTC'])
      expect([zone, isTimeZone(zone)]).toEqual([zone, true])
    for (const zone of ['+01:00', '', 'Europe/Nowhere', '../etc/passwd', 'Europe/Berlin\0', 'x'.repeat(65)])
      expect([zone, isTimeZone(zone)]).toEqual([zone, false])
  })

  it('keep one clock for a zone however its name is written, a bounded number of them, and none for who only asks', () => {
    const made = vi.spyOn(Intl, 'DateTimeFormat')
    onTestFinished(() => made.mockRestore())
    const quiet = (zone: string) => quietUntil({ zone, from: 1320, to: 420 }, 0)
    const counted = (work: () => void): number => {
      const before = made.mock.calls.length
      work()
      return made.mock.calls.length - before
    }
    const spellings = Array.from({ length: 64 }, (_, at) =>
      'asia/tokyo'.replaceAll(/[a-z]/g, (letter, place: number) => ((at >> place) & 1 ? letter.toUpperCase() : letter)),
    )
    expect(counted(() => spellings.forEach(quiet))).toBe(1)
    expect(counted(() => [...spellings, ...spellings].forEach(quiet))).toBe(0)
    expect(counted(() => [isTimeZone('Asia/Seoul'), quiet('Asia/Seoul')])).toBe(2)
    Intl.supportedValuesOf('timeZone').forEach(quiet)
    expect(counted(() => quiet('asia/tokyo'))).toBe(1)
  })

  it('are read from what people write, and nothing else', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1439 }), (minutes) => minutesIn(timeText(minutes)) === minutes))
    fc.assert(fc.property(fc.string(), (text) => minutesIn(text) === null || timeText(minutesIn(text) ?? -1) === text))
    for (const text of ['24:00', '7:00', '07:60', '07:00 ', '0７:00']) expect(minutesIn(text)).toBeNull()
  })
})
