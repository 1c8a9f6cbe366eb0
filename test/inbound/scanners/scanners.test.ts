/** Scanners that hang, lie, talk without end, or are not there. The real ones are in test/peers/scanners.test.ts. */
import { once } from 'node:events'
import { type IncomingMessage, type ServerResponse, createServer as createHttpServer } from 'node:http'
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createClamavScan } from '../../../server/inbound/scanners/clamav.ts'
import { createRspamdScan } from '../../../server/inbound/scanners/rspamd.ts'
import { type Scanned, allOf, notScanned } from '../../../server/inbound/scanners/scanner.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { freePort } from '../../support/free-port.ts'

const message: Scanned = {
  bytes: Buffer.from('From: bo@remote.test\r\n\r\nHello\r\n'),
  client: { ip: '192.0.2.7', helo: 'mx.remote.test\r\nIP: 127.0.0.1', protocol: 'ESMTP', cipher: null },
  reversePath: null,
  forwardPaths: [],
}

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

describe('a ClamAV daemon', () => {
  async function whoseAnswerIs(answer: (socket: Socket) => void) {
    const port = await portOf(createServer((socket) => answer(socket.on('error', () => {}).resume())))
    return createClamavScan({ place: { host: '127.0.0.1', port }, log: silentLog })(message)
  }

  it('that is not there, hangs up, or answers anything else leaves the message with its sender', async () => {
    const nowhere = { host: '127.0.0.1', port: await freePort() }
    expect(await createClamavScan({ place: nowhere, log: silentLog })(message)).toEqual({ ...notScanned, missing: 'clamav' })
    for (const answer of ['', 'stream: OKAY\0', 'INSTREAM size limit exceeded. ERROR\0', 'stream: Bad\nName FOUND\0x', 'OK\0'])
      expect([answer, await whoseAnswerIs((socket) => void socket.end(answer))]).toMatchObject([answer, { missing: 'clamav' }])
  })

  it('is believed when it says that there is nothing, or what there is', async () => {
    expect(await whoseAnswerIs((socket) => void socket.write('stream: OK\0'))).toEqual(notScanned)
    expect(await whoseAnswerIs((socket) => void socket.end('stream: Eicar FOUND\0'))).toMatchObject({ malware: 'Eicar', missing: null })
  })

  it('that talks without end is not listened to', async () => {
    const talk = (socket: Socket): void => {
      const more = (): void => void (socket.writable && (socket.write('x'.repeat(1_000)) ? setImmediate(more) : socket.once('drain', more)))
      more()
    }
    expect(await whoseAnswerIs(talk)).toMatchObject({ missing: 'clamav' })
  })
})

describe('an rspamd', () => {
  async function whoseAnswerIs(answer: (request: IncomingMessage, response: ServerResponse) => void) {
    const port = await portOf(createHttpServer((request, response) => answer(request.resume(), response)))
    return createRspamdScan({ url: `http://127.0.0.1:${port}`, hostname: 'mx.ours.test', log: silentLog })(message)
  }
  const says = (body: unknown, code = 200) => whoseAnswerIs((_request, response) => void response.writeHead(code).end(JSON.stringify(body)))

  it('that is not there, or makes no sense, is done without', async () => {
    const nowhere = `http://127.0.0.1:${await freePort()}`
    expect(await createRspamdScan({ url: nowhere, hostname: 'mx.ours.test', log: silentLog })(message)).toEqual(notScanned)
    for (const [body, code] of [
      [{ action: 'reject' }, 200],
      [{ action: 'reject', score: 'high' }, 200],
      ['reject', 200],
      [{ action: 'reject', score: 15 }, 500],
      [{ action: 'x', score: 1, symbols: { A: { name: 'A', score: 1, more: 'x'.repeat(2_000_000) } } }, 200],
    ] as const)
      expect(await says(body, code)).toEqual(notScanned)
  })

  it('that sends us elsewhere is not followed', async () => {
    expect(await whoseAnswerIs((_request, response) => void response.writeHead(307, { location: '/other' }).end())).toEqual(notScanned)
  })

  it('is told of the connection, and nothing that a stranger wrote becomes a header field of ours', async () => {
    let heard: IncomingMessage['headers'] = {}
    await whoseAnswerIs((request, response) => {
      heard = request.headers
      response.end(JSON.stringify({ action: 'no action', score: 0 }))
    })
    expect(heard).toMatchObject({ ip: '192.0.2.7', from: '<>', 'mta-name': 'mx.ours.test' })
    expect(heard).not.toHaveProperty('helo')
  })

  it('counts by what it would do, with the names of its loudest rules, made printable', async () => {
    const symbols = { B: { name: 'B\u202e\n', score: 1 }, A: { name: 'A', score: 5 } }
    expect(await says({ action: 'add header', score: 6, symbols })).toMatchObject({
      reasons: [{ code: 'rspamd', points: 6, detail: 'add header, 6.0: A, B ' }],
    })
    expect(await says({ action: 'greylist', score: 4, symbols })).toMatchObject({ reasons: [{ points: 0 }] })
  })
})

it('what several say is put together', async () => {
  const reason = { code: 'rspamd', points: 6, words: '', detail: null }
  const scans = [
    () => Promise.resolve({ ...notScanned, reasons: [reason] }),
    () => Promise.resolve({ ...notScanned, malware: 'Eicar' }),
    () => Promise.resolve({ ...notScanned, missing: 'clamav' as const }),
  ]
  expect(await allOf(scans)(message)).toEqual({ reasons: [reason], malware: 'Eicar', missing: 'clamav' })
  expect(await allOf([])(message)).toEqual(notScanned)
})
