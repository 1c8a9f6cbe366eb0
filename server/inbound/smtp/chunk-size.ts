/** The argument of BDAT (RFC 3030 §2): `BDAT 1000`, `BDAT 86 LAST`. */
export type Chunk = { size: number; last: boolean }

const form = /^(\d{1,20})(?: +(LAST))?$/i

/** `endless`: a number no message and no session comes near, so waiting for so many octets is waiting for nothing. */
export function parseChunkArgument(argument: string): Chunk | 'syntax' | 'endless' {
  const [, digits, last] = form.exec(argument) ?? []
  if (digits === undefined) return 'syntax'
  const size = Number(digits)
  return size > maxChunkBytes ? 'endless' : { size, last: last !== undefined }
}

/** Larger than any message we could be set to accept; a sender that does not look at SIZE is told 552 behind its octets, and stays connected. */
const maxChunkBytes = 1024 ** 3
