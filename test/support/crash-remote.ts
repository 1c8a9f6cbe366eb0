/** Another host's mail server, in the test's own process, so that it outlives the appliance: keeps what it took, and can be told to say no. */
import { buffer } from 'node:stream/consumers'
import { SMTPServer } from 'smtp-server'
import { makeCertificate } from './certificate.ts'

/** `secure` when it came over TLS; `helo` is what the client called itself. */
export type Letter = { reversePath: string; forwardPaths: string[]; raw: string; secure: boolean; helo: string }

export type Remote = {
  port: number
  /** everything taken so far, oldest first */
  letters(): readonly Letter[]
  /** The letters whose raw text has these words, once they are at least `count`. */
  received(words: string, count: number, deadlineMs?: number): Promise<Letter[]>
  /** Resolves once so many letters have been taken in all. */
  taken(count: number, deadlineMs?: number): Promise<void>
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
          helo: session.hostNameAppearsAs,
        })
        done()
        for (const look of waiting) look()
      }, done) // its client died in the middle of the message, which was not received then
    },
  })
  server.on('error', () => {}) // a client that dies in the middle is what these tests are about
  const port = await new Promise<number>((resolve) => {
    const listening = server.listen(0, '127.0.0.1', () => {
      const address = listening.address()
      resolve(typeof address === 'object' && address !== null ? address.port : 0)
    })
  })

  /** Asks again after each letter. */
  function until<T>(find: () => T | null, what: string, deadlineMs = 20_000): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>()
    const look = (): void => {
      const found = find()
      if (found !== null) resolve(found)
    }
    const timer = setTimeout(() => reject(new Error(`the remote did not get ${what} within ${deadlineMs} ms`)), deadlineMs)
    waiting.add(look)
    look()
    return promise.finally(() => {
      waiting.delete(look)
      clearTimeout(timer)
    })
  }
  function received(words: string, count: number, deadlineMs?: number): Promise<Letter[]> {
    const find = (): Letter[] | null => {
      const found = letters.filter((letter) => letter.raw.includes(words))
      return found.length >= count ? found : null
    }
    return until(find, `${count} of "${words}"`, deadlineMs)
  }

  return {
    port,
    letters: () => letters,
    received,
    taken: (count, deadlineMs) => until(() => (letters.length >= count ? undefined : null), `${count} letters`, deadlineMs),
    refuseNext: (code, text) => void refusals.push(Object.assign(new Error(text), { responseCode: code })),
    stop: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
