/** The switch that stops leaving mail (stops.ts), and that for the agent of one mailbox (pause.ts), as a room that callers are handed. */
import { pause } from './pause.ts'
import { type StopDeps, type StopRequest, resumeSending, stopSending } from './stops.ts'

export type Switch = {
  stop(request: StopRequest): ReturnType<typeof stopSending>
  resume(request: StopRequest): ReturnType<typeof resumeSending>
  /** The agent of one mailbox, at once. */
  pause(request: Parameters<typeof pause>[1]): ReturnType<typeof pause>
}
export const createSwitch = (deps: StopDeps): Switch => ({
  stop: (request) => stopSending(deps, request),
  resume: (request) => resumeSending(deps, request),
  pause: (request) => pause(deps, request),
})
