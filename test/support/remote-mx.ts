/** Somebody else's mail server, on loopback, that does what a script says: refuses, hangs, hangs up, breaks TLS, at any step. Nothing sleeps. */
import { once } from 'node:events'
import { type Socket, createServer } from 'node:net'
import { TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import { makeCertificate } from './certificate.ts'

/** `body` is the first octets of the message, `dot` its end. */
export type Step = 'greeting' | 'ehlo' | 'starttls' | 'auth' | 'rset' | 'mail' | 'rcpt' | 'data' | 'body' | 'dot' | 'quit'
/** A reply (lines joined by \r\n), or `hang` (never answers), `cut` (closes the connection), `reset` (with RST). For `body`, `go on` is the ordinary thing.
 *  A promise: a reply that is given once it is known. A function is asked each time, so that it can depend on the clock. */
export type Answer = string | Promise<string> | (() => string)
/** Several answers are given in turn, one per time the step is reached; the last one stays. */
export type Answers = Partial<Record<Step, Answer | readonly Answer[]>>

export type ReceivedMail = {
  reversePath: string
  forwardPaths: string[]
  /** what stood behind the addresses, such as `SIZE=312` */
  mailParameters: string
  raw: Buffer
  helo: string
  tls: boolean
  /** what AUTH brought, decoded, a NUL between its parts */
  login: string | null
  /** where it came from */
  from: string
}

export type RemoteMx = {
  host: string
  port: number
  /** connections so far */
  sessions(): number
  /** Resolves once `count` messages in all were received to their end, whatever was answered then. With 0: those so far. */
  received(count?: number): Promise<ReceivedMail[]>
  /** Resolves when a step has been reached `count` times in all. */
  reached(step: Step, count?: number): Promise<void>
  /** How often a step has been reached so far. */
  count(step: Step): number
  answer(answers: Answers): void
  close(): Promise<void>
}

type Options = {
  answers?: Answers
  /** `works`: with a self-signed certificate; `broken`: garbage instead of a handshake; null: not offered */
  tls?: 'works' | 'broken' | null
  /** PEM, in place of a self-signed one for mx.remote.test */
  certificate?: { key: string; cert: string }
  /** TLS before the greeting */
  implicitTls?: boolean
  extensions?: readonly string[]
  address?: string
  /** left out: any that is free */
  port?: number
}

const usual: Record<Step, string> = {
  greeting: '220 mx.remote.test ESMTP',
  ehlo: '',
  starttls: '220 2.0.0 Go ahead',
  auth: '235 2.7.0 Welcome',
  rset: '250 2.0.0 Ok',
  mail: '250 2.1.0 Ok',
  rcpt: '250 2.1.5 Ok',
  data: '354 End with a dot',
  body: 'go on',
  dot: '250 2.0.0 Ok: queued as 1',
  quit: '221 2.0.0 Bye',
}

/** Closed when the test ends. */
export async function createRemoteMx(options: Options = {}): Promise<RemoteMx> {
  let answers: Answers = options.answers ?? {}
  let offersTls = options.tls ?? null
  const certificate = offersTls === 'works' ? (options.certificate ?? (await makeCertificate('mx.remote.test'))) : null
  const extensions = options.extensions ?? ['PIPELINING', '8BITMIME', 'SMTPUTF8', 'SIZE 10485760']
  const mails: ReceivedMail[] = []
  const counts = new Map<string, number>()
  const waiting: { what: string; count: number; resolve: () => void }[] = []
  const sockets = new Set<Socket>()

  const happened = (what: string): void => {
    const count = (counts.get(what) ?? 0) + 1
    counts.set(what, count)
    for (const one of waiting) if (one.what === what && count >= one.count) one.resolve()
  }
  const until = (what: string, count: number): Promise<void> =>
    (counts.get(what) ?? 0) >= count ? Promise.resolve() : new Promise((resolve) => void waiting.push({ what, count, resolve }))

  const answerAt = (step: Step): string | Promise<string> => {
    happened(step)
    const answer = atTurn(answers[step], (counts.get(step) ?? 1) - 1) ?? usual[step]
    return typeof answer === 'function' ? answer() : answer
  }

  const server = createServer((socket) => {
    happened('session')
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    if (options.implicitTls) encrypt(socket)
    else converse(socket, false)
  })

  function encrypt(socket: Socket): void {
    const secure = new TLSSocket(socket, { isServer: true, ...certificate })
    secure.on('error', () => {})
    converse(secure, true)
  }

  function converse(socket: Socket, tls: boolean): void {
    let received = Buffer.alloc(0)
    let mail = newMail(tls)
    let inMessage = false
    let sawBody = false

    /** @param onReply told of what was said, when it is @returns false when the session stops here */
    const say = (step: Step, ordinary?: string, onReply: (reply: string) => void = () => {}): boolean => {
      const answer = answerAt(step)
      if (answer instanceof Promise) {
        void answer.then((reply) => {
          onReply(reply)
          socket.write(`${reply}\r\n`)
        })
        return true
      }
      onReply(answer)
      if (answer === 'cut') socket.end()
      else if (answer === 'reset') socket.resetAndDestroy()
      else if (answer !== 'hang' && answer !== 'go on') socket.write(`${answer === '' ? (ordinary ?? '') : answer}\r\n`)
      return !['cut', 'reset', 'hang'].includes(answer)
    }

    socket.on('data', (piece: Buffer) => {
      received = Buffer.concat([received, piece])
      while (step());
    })
    let authenticating: string[] | null = null
    let login: string | null = null
    const from = socket.remoteAddress ?? ''
    if (!tls || options.implicitTls) say('greeting')

    /** @returns true when there may be more to do with what was received */
    function step(): boolean {
      return inMessage ? message() : command()
    }
    function message(): boolean {
      if (!sawBody && received.length > 0) {
        sawBody = true
        if (!say('body')) return stop()
      }
      const end = received.toString('latin1').startsWith('.\r\n') ? -2 : received.indexOf('\r\n.\r\n')
      if (end === -1) return false
      mail.raw = Buffer.from(received.toString('latin1', 0, end + 2).replace(/^\./gm, ''), 'latin1')
      received = received.subarray(end + 5)
      inMessage = false
      mails.push({ ...mail, login, from })
      const wentOn = say('dot')
      happened('message')
      mail = newMail(tls, mail.helo)
      return wentOn || stop()
    }
    function command(): boolean {
      const end = received.indexOf('\r\n')
      if (end < 0) return false
      const line = received.toString('utf8', 0, end)
      received = received.subarray(end + 2)
      return obey(line) || stop()
    }
    function obey(line: string): boolean {
      if (authenticating !== null) return logIn(decoded(line), authenticating)
      const verb = line.split(/[ :]/, 1)[0]?.toUpperCase()
      if (verb === 'EHLO' || verb === 'HELO') {
        mail.helo = line.slice(5)
        const offered = [...extensions, ...(offersTls !== null && !tls ? ['STARTTLS'] : [])]
        return say('ehlo', ['mx.remote.test', ...offered].map((name, at) => `250${at === offered.length ? ' ' : '-'}${name}`).join('\r\n'))
      }
      if (verb === 'AUTH') {
        const [, mechanism, initial] = line.split(' ')
        if (mechanism === 'PLAIN') return logIn(decoded(initial ?? '').slice(1), ['', ''])
        socket.write('334 VXNlcm5hbWU6\r\n')
        authenticating = []
        return true
      }
      if (verb === 'RSET') {
        mail = newMail(tls, mail.helo)
        return say('rset')
      }
      if (verb === 'STARTTLS') return say('starttls') && upgrade()
      if (verb === 'MAIL') {
        ;[, mail.reversePath = '', mail.mailParameters = ''] = /^MAIL FROM:<([^>]*)> ?(.*)$/i.exec(line) ?? []
        return say('mail')
      }
      if (verb === 'RCPT') {
        mail.forwardPaths.push(/^RCPT TO:<([^>]*)>/i.exec(line)?.[1] ?? '')
        return say('rcpt')
      }
      if (verb === 'DATA') {
        return say('data', undefined, (reply) => {
          inMessage = reply.startsWith('3')
          sawBody = false
        })
      }
      if (verb === 'QUIT') {
        if (say('quit')) socket.end()
        return false
      }
      socket.write('500 5.5.1 What?\r\n')
      return true
    }
    function logIn(part: string, before: string[]): boolean {
      const parts = [...before, part]
      authenticating = parts.length < 2 ? parts : null
      if (authenticating !== null) socket.write('334 UGFzc3dvcmQ6\r\n')
      else login = parts.filter((one) => one !== '').join('\0')
      return authenticating !== null || say('auth')
    }
    function upgrade(): boolean {
      socket.removeAllListeners('data')
      if (certificate === null) {
        socket.write('this is not TLS\r\n')
        return false
      }
      encrypt(socket)
      return false
    }
    function stop(): false {
      socket.removeAllListeners('data')
      socket.resume()
      return false
    }
  }

  server.listen(options.port ?? 0, options.address ?? '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  const remote: RemoteMx = {
    host: 'mx.remote.test',
    port,
    sessions: () => counts.get('session') ?? 0,
    async received(count = 1) {
      await until('message', count)
      return [...mails]
    },
    reached: async (step, count = 1) => await until(step, count),
    count: (step) => counts.get(step) ?? 0,
    answer(next) {
      answers = next
      if ('starttls' in next) offersTls ??= 'broken'
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
  }
  onTestFinished(() => remote.close())
  return remote
}

const newMail = (tls: boolean, helo = ''): ReceivedMail => ({
  reversePath: '',
  forwardPaths: [],
  mailParameters: '',
  raw: Buffer.alloc(0),
  helo,
  tls,
  login: null,
  from: '',
})

const decoded = (text: string): string => Buffer.from(text, 'base64').toString()

/** The answer to what comes the nth time, from 0; undefined when the script says nothing of it. */
const atTurn = (scripted: Answer | readonly Answer[] | undefined, turn: number): Answer | undefined =>
  typeof scripted === 'object' && 'at' in scripted ? (scripted[turn] ?? scripted.at(-1)) : scripted
