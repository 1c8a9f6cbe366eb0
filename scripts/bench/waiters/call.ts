/** One HTTP call over a connection of its own; as little memory and processor as can be, since there are thousands and the server has the same machine. */
import { once } from 'node:events'
import { connect } from 'node:net'

/** `at` as performance.now() gives it; `took` in ms since the request was written. */
export type Answered = { status: number; body: string; at: number; took: number }
export type Call = { answered: Promise<Answered> }

/** Resolves when the request is written. The server closes the connection behind its answer. */
export async function call(port: number, key: string, path: string): Promise<Call> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  const began = performance.now()
  socket.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer ${key}\r\nconnection: close\r\n\r\n`)
  const answered = new Promise<Answered>((resolve, reject) => {
    let text = ''
    let at = 0
    socket.on('data', (bytes) => {
      at = performance.now()
      text += bytes.toString('latin1')
    })
    socket.on('error', reject)
    socket.on('close', () =>
      resolve({ status: Number(text.slice(9, 12)), body: text.slice(text.indexOf('\r\n\r\n') + 4), at, took: at - began }),
    )
  })
  answered.catch(() => undefined)
  return { answered }
}
