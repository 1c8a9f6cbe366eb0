/** What the signature of a message signs (RFC 6376 §3.7): fields in canonical form, then its own field without the value of `b=`. */
import type { Row } from './header-rows.ts'

export type Canonicalization = 'simple' | 'relaxed'
type Range = { start: number; end: number }

const TAB = 9
const LF = 10
const CR = 13
const SPACE = 32

type Output = { room: Buffer; at: number }
type Writer = (to: Output, header: Buffer, name: Range, values: readonly Range[]) => void

/** @param own the field of the signature @param value the octets of the value of its `b=` */
export function signedOctets(form: Canonicalization, header: Buffer, signed: readonly Row[], own: Row, value: Range): Buffer {
  const size = signed.reduce((sum, { start, end }) => sum + end - start + 2, own.end - own.start)
  const to: Output = { room: Buffer.allocUnsafe(size), at: 0 }
  const write = writers[form]
  for (const row of signed) {
    write(to, header, nameOf(row), [{ start: row.colon + 1, end: row.end }])
    to.room[to.at++] = CR
    to.room[to.at++] = LF
  }
  const around = [
    { start: own.colon + 1, end: value.start },
    { start: value.end, end: own.end },
  ]
  write(to, header, nameOf(own), around)
  return to.room.subarray(0, to.at)
}

/** With its colon. */
const nameOf = ({ start, colon }: Row): Range => ({ start, end: colon + 1 })

/** §3.4.1 */
const simple: Writer = (to, header, name, values) => {
  for (const { start, end } of [name, ...values]) to.at += header.copy(to.room, to.at, start, end)
}

/** §3.4.2 */
const relaxed: Writer = (to, header, name, values) => {
  relaxedName(to, header, name)
  const { room } = to
  const first = to.at
  let { at } = to
  let isApart = false
  for (const { start, end } of values)
    for (let from = start; from < end; from++) {
      const octet = header[from] ?? 0
      if (octet === SPACE || octet === TAB) isApart = true
      else if (octet !== CR || header[from + 1] !== LF) {
        if (isApart && at > first) room[at++] = SPACE
        isApart = false
        room[at++] = octet
      } else from++
    }
  to.at = at
}

const writers: Record<Canonicalization, Writer> = { simple, relaxed }

/** Small letters, and no white space around it. */
function relaxedName(to: Output, header: Buffer, { start, end }: Range): void {
  for (let from = start; from < end; from++) {
    const octet = header[from] ?? 0
    if (octet > SPACE) to.room[to.at++] = octet >= 65 && octet <= 90 ? octet + 32 : octet
  }
}
