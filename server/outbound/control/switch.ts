/** The switch that stops leaving mail (stops.ts), and that for the agent of one mailbox (pause.ts), as a room that callers are handed. */
import { pause } from './pause.ts'
import { type StopDeps, type StopRequest, resumeSending, stopSending } from './stops.ts'

export type Switch = {
  stop(request: StopRequest): ReturnType<typeof stopSending>
  resume(request: StopRequest): ReturnType<typeof resumeSending>
  /** The agent of one mailbox, at once. */
  pause(request: Parameters<typeof pause>[1]): ReturnType<typeof pause>
}

/** @param obeyed resolves when whoever delivers in this process has done what the store says by then; its caller is answered after that. Other nodes see it by
 *  themselves (watch.ts). Never rejects: the stop stands, whoever has not heard of it yet. */
export const createSwitch = (deps: StopDeps, obeyed: () => Promise<void> = () => Promise.resolve()): Switch => {
  const after = async <T>(work: Promise<T>): Promise<T> => {
    const switched = await work
    await obeyed()
    return switched
  }
  return {
    stop: (request) => after(stopSending(deps, request)),
    resume: (request) => after(resumeSending(deps, request)),
    pause: (request) => after(pause(deps, request)),
  }
}
