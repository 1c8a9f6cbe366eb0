/**
 * When somebody wants no letters, by the clock on their wall. Pure.
 *
 * Promises: what their clock shows decides, whatever it does: an hour that it leaves out in spring is not waited for, and one that it shows twice in autumn
 * is quiet twice. Quiet hours end within a day.
 */

/** `from`, `to`: minutes after midnight, in the time zone; `from` later than `to` goes over midnight. */
export type QuietHours = { zone: string; from: number; to: number }

const [minuteMs, dayMinutes] = [60_000, 1440]
/** So that there is time in each day at which somebody is told. */
const mostQuietMinutes = 16 * 60
const longestZone = 64
/** A clock that is put forward, or back, is so by two hours at most. */
const mostShift = 120

/** A name of the IANA time zone database as this runtime knows it; an offset such as +01:00 is none, since it knows no summer. */
export function isTimeZone(name: string): boolean {
  if (name.length > longestZone || !/^[A-Za-z][A-Za-z0-9_+\-/]*$/.test(name)) return false
  try {
    // Not kept: whoever may ask writes one name in thousands of ways.
    return formatter(name) !== undefined
  } catch {
    return false
  }
}

/** `22:00` as minutes after midnight; null when it is no such time. */
export function minutesIn(text: string): number | null {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)$/.exec(text)
  return parts === null ? null : Number(parts[1]) * 60 + Number(parts[2])
}
export const timeText = (minutes: number): string =>
  `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`

/** Whether they may be kept: some time of the day, and not too much of it. */
export const isKeepable = ({ from, to }: Omit<QuietHours, 'zone'>): boolean => from !== to && lengthOf(from, to) <= mostQuietMinutes

const lengthOf = (from: number, to: number): number => (to - from + dayMinutes) % dayMinutes

/** When they end (epoch ms); null when it is not quiet at `now` (epoch ms), and when this runtime does not know the zone any more: a letter at night is better than
 *  none. */
export function quietUntil(quiet: QuietHours, now: number): number | null {
  if (!isKnown(quiet.zone) || !isQuiet(quiet, now)) return null
  const begin = Math.floor(now / minuteMs) * minuteMs
  let at = begin
  // Once is enough but for a clock that is put back meanwhile.
  while (isQuiet(quiet, at)) at += lengthOf(minuteOfDay(quiet.zone, at), quiet.to) * minuteMs
  // One that is put back to before they begin is so soon after they began; one that was put forward has passed the end before.
  const shift = mostShift * minuteMs
  return firstLoud(quiet, begin, Math.min(at, begin + shift)) ?? firstLoud(quiet, Math.max(begin, at - shift), at) ?? at
}

/** The first minute from `from` on and before `to` (epoch ms) in which it is not quiet. */
function firstLoud(quiet: QuietHours, from: number, to: number): number | null {
  for (let at = from; at < to; at += minuteMs) if (!isQuiet(quiet, at)) return at
  return null
}

const isQuiet = ({ zone, from, to }: QuietHours, at: number): boolean => {
  const minute = minuteOfDay(zone, at)
  return from < to ? from <= minute && minute < to : minute >= from || minute < to
}

function minuteOfDay(zone: string, at: number): number {
  const parts = formatterOf(zone).formatToParts(at)
  const of = (type: 'hour' | 'minute'): number => Number(parts.find((part) => part.type === type)?.value)
  return of('hour') * 60 + of('minute')
}

/** Names of zones are case-insensitive, so there are some hundreds; making one takes longer than using it. */
const formatters = new Map<string, Intl.DateTimeFormat>()
const mostFormatters = 100

function formatterOf(zone: string): Intl.DateTimeFormat {
  const name = zone.toLowerCase()
  const known = formatters.get(name)
  if (known !== undefined) return known
  const made = formatter(zone)
  const [oldest] = formatters.keys()
  if (oldest !== undefined && formatters.size >= mostFormatters) formatters.delete(oldest)
  formatters.set(name, made)
  return made
}

function isKnown(zone: string): boolean {
  try {
    return formatterOf(zone) !== undefined
  } catch {
    return false
  }
}

const formatter = (zone: string): Intl.DateTimeFormat =>
  new Intl.DateTimeFormat('en-GB', { timeZone: zone, hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
