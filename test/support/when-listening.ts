import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** Resolves once somebody takes connections at this loopback port. A program of the machine that tells nobody when it is ready can only be asked. */
export async function whenListening(port: number, deadlineMs = 30_000): Promise<void> {
  const deadline = AbortSignal.timeout(deadlineMs)
  while (!(await answers(port))) {
    if (deadline.aborted) throw new Error(`nobody listened on port ${port} within ${deadlineMs} ms`)
    await pause(50)
  }
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
