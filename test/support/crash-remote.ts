/** Another host's mail server, in the test's own process, so that it outlives the appliance: keeps what it took, and can be told to say no. */
import { buffer } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { makeCertificate } from './certificate.ts'

/** `secure` when it came over TLS. */
export type Letter = { reversePath: string; forwardPaths: string[]; raw: string; secure: boolean }

export type Remote = {
  port: number
  /** everything taken so far, oldest first */
  letters(): readonly Letter[]
  /** The letters whose raw text has these words, once they are at least `count`. */
  received(words: string, count: number, deadlineMs?: number): Promise<Letter[]>
  /** Answers the next message with this, after its last byte, and does not take it. */
  refuseNext(code: number, text: string): void
  stop(): Promise<void>
}

export async function startRemote(hostname: string): Promise<Remote> {
  const letters: Letter[] = []
  const refusals: Error[] = []
  const waiting = new Set<() => void>()
  const server = new SMTPServer({
    ...(await makeCertificate(hostname)),
    name: hostname,
    disabledCommands: ['AUTH'],
    disableReverseLookup: true,
    onData: (stream, session, done) => {
      void buffer(stream).then((raw) => {
        const refusal = refusals.shift()
        if (refusal !== undefined) return done(refusal)
        letters.push({
          reversePath: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
          forwardPaths: session.envelope.rcptTo.map((to) => to.address),
          raw: raw.toString('latin1'),
          secure: session.secure,
        })
        done()
        for (const look of waiting) look()
      })
    },
  })
  server.on('error', () => {}) // a client that dies in the middle is what these tests are about
  const port = await new Promise<number>((resolve) => {
    const listening = server.listen(0, '127.0.0.1', () => {
      const address = listening.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })

  function received(words: string, count: number, deadlineMs = 20_000): Promise<Letter[]> {
    const { promise, resolve, reject } = Promise.withResolvers<Letter[]>()
    const look = (): void => {
      const found = letters.filter((letter) => letter.raw.includes(words))
      if (found.length >= count) resolve(found)
    }
    const timer = setTimeout(() => reject(new Error(`the remote did not get ${count} of "${words}" within ${deadlineMs} ms`)), deadlineMs)
    waiting.add(look)
    look()
    return promise.finally(() => {
      waiting.delete(look)
      clearTimeout(timer)
    })
  }

  return {
    port,
    letters: () => letters,
    received,
    refuseNext: (code, text) => void refusals.push(Object.assign(new Error(text), { responseCode: code })),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
