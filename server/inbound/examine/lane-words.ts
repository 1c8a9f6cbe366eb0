/** What crosses between the event loop and a thread of a lane (lane.ts, lane-thread.ts). */

/** `stage`: shared memory in which the thread leaves word of how far the job has come. `question` numbers are the thread's own. `ping` asks for a sign
 *  of life: another `turn`. */
export type ToThread =
  | { kind: 'job'; id: number; stage: StageWord; input: unknown }
  | { kind: 'answer'; question: number; answer: unknown }
  | { kind: 'ping' }
export type FromThread =
  | { kind: 'ready' }
  | { kind: 'done'; id: number; value: unknown }
  | { kind: 'failed'; id: number; reason: string }
  | { kind: 'question'; id: number; question: number; about: unknown }

/** Each job has its own: of several side by side the one that was at work last need not be the one that ended the thread. */
export type StageWord = Int32Array<SharedArrayBuffer>

/** Shared memory that says what a thread is at, readable also when it does not answer any more, or has died. `job` 0: none. `turn` changes with
 *  every step it takes. */
export const place = { job: 0, turn: 1 } as const
export const places = 2

export type ThreadData = { at: Int32Array<SharedArrayBuffer> }
