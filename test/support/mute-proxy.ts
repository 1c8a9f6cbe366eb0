/** A way to a server on loopback that can fall silent: what is connected stays connected, and nothing passes any more. */
import { once } from 'node:events'
import { type Socket, connect, createServer } from 'node:net'
import { onTestFinished } from 'vitest'

export type MuteProxy = {
  port: number
  /** Nothing passes any more over the connections there are; new ones are as ever. @returns how many there are */
  mute(): number
}

/** Closed when the test ends. */
export async function createMuteProxy(port: number): Promise<MuteProxy> {
  const pairs = new Set<{ near: Socket; far: Socket; isMute: boolean }>()
  const server = createServer((near) => {
    const pair = { near, far: connect(port, '127.0.0.1'), isMute: false }
    pairs.add(pair)
    for (const [from, to] of [
      [near, pair.far],
      [pair.far, near],
    ] as const) {
      from.on('data', (piece) => pair.isMute || to.write(piece))
      from.on('error', () => {})
      from.on('close', () => {
        to.destroy()
        pairs.delete(pair)
      })
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const { near, far } of pairs) for (const socket of [near, far]) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as { port: number }).port,
    mute() {
      const open = [...pairs].filter(({ isMute }) => !isMute)
      for (const pair of open) pair.isMute = true
      return open.length
    },
  }
}
