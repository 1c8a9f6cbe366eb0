/** Bytes that mean something in SMTP, and where the bytes of a message go. */
export const NUL = 0
export const LF = 10
export const CR = 13
export const DOT = 46

/** Takes what is read of a message: the bytes of `chunk` from `from` to just before `to`, which are only good until it returns. */
export type Sink = {
  add(chunk: Buffer, from: number, to: number): void
  /** There was a bare CR, a bare LF or a NUL: the message must not be stored, whatever else comes (RFC 5321 §2.3.8). */
  stray(): void
}

/** For what has to be read and is wanted by nobody. */
export const nowhere: Sink = { add() {}, stray() {} }
