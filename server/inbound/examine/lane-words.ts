/** What crosses between the event loop and a thread of a lane (lane.ts, lane-thread.ts). */

/** `question` numbers are the thread's own. `ping` asks for a sign of life: another `turn`. */
export type ToThread =
  | { kind: 'job'; id: number; input: unknown }
  | { kind: 'answer'; question: number; answer: unknown }
  | { kind: 'ping' }
export type FromThread =
  | { kind: 'ready' }
  | { kind: 'done'; id: number; value: unknown }
  | { kind: 'failed'; id: number; stage: number; reason: string }
  | { kind: 'question'; id: number; question: number; about: unknown }

/** Shared memory that says what a thread is at, readable also when it does not answer any more, or has died. `job` 0: none. `turn` changes with
 *  every step it takes. */
export const place = { job: 0, stage: 1, turn: 2 } as const
export const places = 3

export type ThreadData = { at: Int32Array<SharedArrayBuffer> }
