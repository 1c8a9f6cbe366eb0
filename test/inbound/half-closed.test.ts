import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { afterAll, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openPostOffice } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

const hello = 'EHLO out.remote.test\r\n'
const envelope = `${hello}MAIL FROM:<bo@remote.test>\r\nRCPT TO:<ann@ours.test>\r\n`
const message = letter()
const chunk = `BDAT ${message.length} LAST\r\n${message}`

/** Some senders (Exim, without TLS) say all they have to say, close their half of the connection, and read our replies only then. */
describeOnEachEngine('a sender that stops talking before it listens', (openStore) => {
  /** @param words the last of them with the end of its half; before the others' next, their last reply is waited for */
  const say = async (...words: readonly (readonly [text: string, reply: RegExp])[]) => {
    const office = await openPostOffice(await openStore(), { workers })
    const socket = connect({ port: office.port, host: '127.0.0.1', allowHalfOpen: true })
    const closed = once(socket, 'close')
    let said = await hear(socket, /^220 /m)
    for (const [text, reply] of words.slice(0, -1)) {
      socket.write(text)
      said += await hear(socket, reply)
    }
    socket.on('data', (text: string) => (said += text))
    socket.end(words.at(-1)?.[0] ?? '')
    await closed
    return { said, emails: await office.emails() }
  }

  it.each([
    ['in a chunk', [[`${envelope}${chunk}QUIT\r\n`, /$/]]],
    ['as text', [[`${envelope}DATA\r\n`, /^354 /m], [`${message}.\r\nQUIT\r\n`, /$/]]], // prettier-ignore
    ['without a farewell', [[`${envelope}${chunk}`, /$/]]],
  ] as const)('is told that its message is stored, %s', async (_how, words) => {
    const { said, emails } = await say(...words)
    expect(said).toContain(`\r\n250 2.0.0 Stored as ${emails[0]?.id}\r\n`)
    expect(emails).toHaveLength(1)
  })

  it.each([
    ['in its message', [[`${envelope}DATA\r\n`, /^354 /m], [message, /$/]]], // prettier-ignore
    ['in a chunk', [[`${envelope}${chunk.slice(0, -1)}`, /$/]]],
    ['in a command', [['MAIL FROM:<bo@', /$/]]],
    ['before it begins', [['', /$/]]],
    ['instead of a handshake', [[hello, /^250 /m], ['STARTTLS\r\n', /^220 /m], ['', /$/]]], // prettier-ignore
  ] as const)('is let go, and leaves nothing behind, when it stops %s', async (_where, words) => {
    expect((await say(...words)).emails).toEqual([])
  })
})

/** What comes until a line matches. */
async function hear(socket: Socket, pattern: RegExp): Promise<string> {
  let heard = ''
  socket.setEncoding('utf8')
  while (!pattern.test(heard)) heard += String((await once(socket, 'data'))[0])
  return heard
}
