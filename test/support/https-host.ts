/** Somebody else's HTTPS host, on loopback, that answers what a test says. */
import { once } from 'node:events'
import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'

/** `body`: what came with it. */
export type Asked = { method: string; host: string; path: string; type: string; headers: IncomingHttpHeaders; body: Buffer }

export type HttpsHost = {
  port: number
  /** what was asked so far, each once it had come in full */
  asked: readonly Asked[]
  /** Resolves when something was asked `count` times in all. */
  untilAsked(count?: number): Promise<void>
  answer(how: Answering): void
}

/** What to do once a request was read. */
export type Answering = (response: ServerResponse, asked: Asked) => void

/** Closed when the test ends. */
export async function createHttpsHost(certificate: { key: string; cert: string }, how: Answering): Promise<HttpsHost> {
  let answering = how
  const asked: Asked[] = []
  const waiting: { count: number; resolve: () => void }[] = []
  const sockets = new Set<Duplex>()
  const server = createServer(certificate, (request, response) => {
    void read(request).then((one) => {
      asked.push(one)
      for (const each of waiting) if (asked.length >= each.count) each.resolve()
      answering(response, one)
    }, ignore) // whoever goes away in the middle of a request has not asked
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  server.on('tlsClientError', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await new Promise((resolve) => server.close(resolve))
  })
  return {
    port: (server.address() as { port: number }).port,
    asked,
    untilAsked: (count = 1) =>
      asked.length >= count ? Promise.resolve() : new Promise((resolve) => void waiting.push({ count, resolve })),
    answer: (next) => (answering = next),
  }
}

const ignore = (): void => {}

async function read(request: IncomingMessage): Promise<Asked> {
  const pieces: Buffer[] = []
  for await (const piece of request) pieces.push(piece as Buffer)
  const { method = '', url = '', headers } = request
  return { method, host: headers.host ?? '', path: url, type: headers['content-type'] ?? '', headers, body: Buffer.concat(pieces) }
}

export const says =
  (
    body: string,
    { status = 200, type = 'text/plain', headers = {} }: { status?: number; type?: string; headers?: Record<string, string> } = {},
  ): Answering =>
  (response) => {
    response.writeHead(status, { 'Content-Type': type, ...headers })
    response.end(body)
  }
