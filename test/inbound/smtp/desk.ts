import type { Arrival } from '../../../server/inbound/arrival.ts'
import type { Reply } from '../../../server/model/reply.ts'
import { parseAddress } from '../../../server/model/address.ts'
import type { MailboxId } from '../../../server/model/ids.ts'
import { createMemoryBudget } from '../../../server/inbound/smtp/memory-budget.ts'
import { judgeSender } from '../../../server/inbound/recipients.ts'
import { answerCommand, answerTaken, answerUnreadable } from '../../../server/inbound/smtp/conversation.ts'
import { Input, type Later, type Listening, type Next, nothing } from '../../../server/inbound/smtp/input.ts'
import type { Answer } from '../../../server/inbound/smtp/answers.ts'
import { type Host, type Talk, createTalk, endMail, forget } from '../../../server/inbound/smtp/talk.ts'
import { formatReply } from '../../../server/model/reply.ts'

export const stored: Reply = { code: 250, status: '2.0.0', text: 'Stored' }

/** The house behind a session, as small as can be: `ours.test` with anybody but `nobody`. What is given takes the place of that. */
export function createHost(different: Partial<Host> = {}): Host & { received: Arrival[] } {
  const received: Arrival[] = []
  return {
    received,
    name: 'mx.ours.test',
    maxMessageBytes: 10_000,
    maxRecipients: 3,
    budget: createMemoryBudget(1_000_000),
    now: () => 0,
    hasTime: () => true,
    judgeSender,
    judgeRecipient(path) {
      const address = parseAddress(path)
      const ok = address !== null && /^(?!nobody)[a-z0-9]+@ours\.test$/.test(address)
      return Promise.resolve(
        ok
          ? { ok, recipient: { forwardPath: address, mailboxId: 'mb_1' as MailboxId, via: 'mailbox' } }
          : { ok: false, reply: { code: 550, status: '5.1.1', text: 'No such mailbox here' } },
      )
    },
    receive(message) {
      received.push(message)
      return Promise.resolve(stored)
    },
    refused: () => {},
    ...different,
  }
}

export type Said = { verb: string; code: number; line: string; lines: string[] }

/** One session without a socket: our reader and our answers, fed with chunks. `tls` is said of it from the beginning, or from STARTTLS on. */
export type Session = {
  readonly said: readonly Said[]
  readonly talk: Talk
  readonly isOpen: boolean
  /** Resolves when all of it has been dealt with. */
  feed(...chunks: (string | Buffer)[]): Promise<void>
  /** The connection is lost. */
  close(): void
  /** @returns the reply to this line, all of it in one line */
  ask(line: string): Promise<string>
}

export function openSession(host: Host, { tls = false }: { tls?: boolean } = {}): Session {
  const said: Said[] = []
  let secure = tls
  let input: Input
  let open = true
  const talk = createTalk(host, {
    id: 'session',
    ip: '192.0.2.1',
    cipher: () => (secure ? 'TLS_AES_128_GCM_SHA256' : null),
    unread: () => input.unread,
    saidHello: () => {},
    mayMail: () => null,
    receiving: () => {},
  })
  const react = ({ verb, reply, lines = [], next }: Answer): Next => {
    if (reply !== null) said.push({ verb, code: reply.code, line: formatReply(reply), lines: [...lines] })
    if (next.read === 'tls') {
      secure = true
      forget(talk)
      input.isClosed = true
      input = new Input(listening)
      return nothing
    }
    if (next.read === 'nothing' || reply?.code === 421) {
      input.isClosed = true
      open = false
      return nothing
    }
    return next
  }
  const later = (answer: Later<Answer>): Later<Next> => (answer instanceof Promise ? answer.then(react) : react(answer))
  const listening: Listening = {
    heard: () => true,
    command: (line) => later(answerCommand(talk, line)),
    unreadable: (why) => later(answerUnreadable(why)),
    taken: () => later(answerTaken(talk)),
    quiet: () => {},
  }
  input = new Input(listening)
  const session: Session = {
    said,
    talk,
    get isOpen() {
      return open
    },
    async feed(...chunks) {
      for (const chunk of chunks) await new Promise<void>((done) => void input.write(Buffer.from(chunk as string, 'latin1'), () => done()))
    },
    close: () => endMail(talk),
    async ask(line) {
      await session.feed(`${line}\r\n`)
      return said.at(-1)?.line ?? ''
    },
  }
  return session
}

/** `bytes` in two, at every place; and byte by byte. */
export function* cuts(bytes: Buffer): Generator<Buffer[]> {
  for (let at = 1; at < bytes.length; at++) yield [bytes.subarray(0, at), bytes.subarray(at)]
  yield Array.from(bytes, (byte) => Buffer.of(byte))
}
