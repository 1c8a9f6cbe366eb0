/**
 * Fields that are there more often than RFC 5322 §3.6 allows. A signature covers the lowest ones (RFC 6376 §5.4.2) and readers show the highest, so
 * who has a signed letter could put another subject, address for answers or encoding above it, and it would still verify (§8.15).
 */
import type { HeaderField } from '../../model/headers.ts'

/** Those that change what is read, or what is done with it. (Several From are judged on their own.) */
const onlyOnce: ReadonlySet<string> = new Set([
  'subject',
  'to',
  'cc',
  'date',
  'reply-to',
  'message-id',
  'in-reply-to',
  'references',
  'content-type',
  'content-transfer-encoding',
])

/** @returns how often each of them is there that is there more than once */
export function repeatedFields(fields: readonly HeaderField[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const { name } of fields) if (onlyOnce.has(name)) counts.set(name, (counts.get(name) ?? 0) + 1)
  return new Map([...counts].filter(([, count]) => count > 1))
}

/** Whether each of the repeated fields was signed as often as it is there. @param signed names in any case */
export function coversRepeated(repeated: ReadonlyMap<string, number>, signed: readonly string[]): boolean {
  const names = signed.map((name) => name.trim().toLowerCase())
  return [...repeated].every(([name, count]) => names.filter((one) => one === name).length >= count)
}
