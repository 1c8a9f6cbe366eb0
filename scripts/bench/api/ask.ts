/** Requests over connections that stay open, one at a time on each; as little of the processor as can be, since the server has the same. */
import { connect } from 'node:net'

/** `ms`: how long each took, in the order of their ends. */
export type Asked = { ms: number[]; seconds: number }

/** Asks for so long. Throws for any answer but 200. @param path of the next request */
export async function ask(
  port: number,
  key: string,
  path: () => string,
  { connections, forMs }: { connections: number; forMs: number },
): Promise<Asked> {
  const began = performance.now()
  const ms: number[] = []
  const head = `host: 127.0.0.1\r\nauthorization: Bearer ${key}\r\n\r\n`
  await Promise.all(Array.from({ length: connections }, () => askOver(port, () => `GET ${path()} HTTP/1.1\r\n${head}`, began + forMs, ms)))
  return { ms, seconds: (performance.now() - began) / 1000 }
}

const headEnd = Buffer.from('\r\n\r\n')

function askOver(port: number, request: () => string, until: number, ms: number[]): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true)
  let parts: Buffer[] = []
  let size = 0
  let whole = 0
  let sent = 0
  const next = (): void => {
    parts = []
    size = 0
    whole = 0
    sent = performance.now()
    socket.write(request())
  }
  return new Promise((done, failed) => {
    socket.on('error', failed)
    socket.on('connect', next)
    socket.on('data', (bytes) => {
      parts.push(bytes)
      size += bytes.length
      if (whole === 0) whole = wholeSize(Buffer.concat(parts))
      if (whole === 0 || size < whole) return
      const answer = parts[0] ?? bytes
      if (!answer.subarray(0, 12).equals(Buffer.from('HTTP/1.1 200'))) return failed(new Error(Buffer.concat(parts).toString()))
      ms.push(performance.now() - sent)
      if (performance.now() < until) return next()
      socket.destroy()
      done()
    })
  })
}

/** Of header and body; 0 while the header is not whole. */
function wholeSize(bytes: Buffer): number {
  const at = bytes.indexOf(headEnd)
  if (at < 0) return 0
  return at + headEnd.length + Number(/content-length: (\d+)/i.exec(bytes.toString('latin1', 0, at))?.[1])
}
