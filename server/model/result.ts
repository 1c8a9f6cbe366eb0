/** An expected outcome: success with a value, or a failure with a code from a closed set. Exceptions are for bugs and broken disks. */
export type Result<T, E extends string> =
  | { ok: true; value: T }
  | {
      ok: false
      code: E
      detail?: string
      /** when asking again can help */ retryAfterMs?: number
      /** for programs */ facts?: Readonly<Record<string, string | number | readonly string[]>>
    }

export const ok = <T>(value: T): { ok: true; value: T } => ({ ok: true, value })

/** @param detail one sentence for the caller about this case; never a secret, never text from a stranger. */
export const fail = <E extends string>(code: E, detail?: string): { ok: false; code: E; detail?: string } =>
  detail === undefined ? { ok: false, code } : { ok: false, code, detail }
