/** A task as a worker thread gets it: `started` turns 1 when the thread begins with it. */
type Announced<I> = { started: Int32Array<SharedArrayBuffer>; input: I }

/** For the worker: a task that says when it begins. */
export const announced =
  <I, O>(work: (input: I) => O) =>
  ({ started, input }: Announced<I>): O => {
    Atomics.store(started, 0, 1)
    Atomics.notify(started, 0)
    return work(input)
  }
