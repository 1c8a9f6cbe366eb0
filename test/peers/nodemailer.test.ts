import { createTransport } from 'nodemailer'
import type { Options } from 'nodemailer/lib/smtp-transport/index.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ReceivingEnd, asWritten, awkwardLetter, openReceivingEnd, ourReceived } from '../support/receiving-end.ts'

describe('nodemailer, a library that many programs send with', () => {
  let ours: ReceivingEnd
  beforeAll(async () => {
    ours = await openReceivingEnd()
  })
  afterAll(() => ours.remove())

  const transport = (more: Options = {}) =>
    createTransport({ host: '127.0.0.1', port: ours.port, name: 'mx.remote.test', tls: { rejectUnauthorized: false }, ...more })

  it.each<[what: string, more: Options, protocol: string]>([
    ['TLS because it is offered', {}, 'ESMTPS'],
    ['TLS because it insists', { requireTLS: true }, 'ESMTPS'],
    ['no TLS', { ignoreTLS: true }, 'ESMTP'],
  ])('brings a letter octet for octet to the recipients we have, with %s', async (what, more, protocol) => {
    const id = `<nodemailer-${what.replaceAll(' ', '-')}@remote.test>`
    const letter = awkwardLetter(id)
    const envelope = { from: 'bo@remote.test', to: ['support@ours.test', 'nobody@ours.test', 'ann@elsewhere.test'] }
    const sent = await transport(more).sendMail({ envelope, raw: letter })
    expect(sent.accepted).toEqual(['support@ours.test'])
    expect(sent.rejected).toEqual(['nobody@ours.test', 'ann@elsewhere.test'])
    expect(sent.rejectedErrors?.map(({ response }) => response?.slice(0, 9))).toEqual(['550 5.1.1', '550 5.7.1'])
    expect(sent.response).toMatch(/^250 2\.0\.0 .*em_[0-9A-Z]{26}/)
    const stored = await ours.stored(id)
    expect(stored).toMatchObject({ reversePath: 'bo@remote.test', forwardPaths: ['support@ours.test'] })
    expect(asWritten(stored?.raw ?? Buffer.alloc(0))).toBe(letter)
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(` with ${protocol} `)
  })

  it('brings several letters over one connection', async () => {
    const pool = createTransport({ host: '127.0.0.1', port: ours.port, tls: { rejectUnauthorized: false }, pool: true, maxConnections: 1 })
    const ids = ['one', 'two', 'three'].map((name) => `<nodemailer-pool-${name}@remote.test>`)
    const envelope = { from: 'bo@remote.test', to: ['support@ours.test'] }
    await Promise.all(ids.map((id) => pool.sendMail({ envelope, raw: awkwardLetter(id) })))
    pool.close()
    for (const id of ids) expect(asWritten((await ours.stored(id))?.raw ?? Buffer.alloc(0))).toBe(awkwardLetter(id))
  })

  it('brings a letter from an address beyond ASCII (SMTPUTF8)', async () => {
    const envelope = { from: 'bö@remote.test', to: ['support@ours.test'] }
    await transport().sendMail({ envelope, raw: awkwardLetter('<nodemailer-utf8@remote.test>') })
    const stored = await ours.stored('<nodemailer-utf8@remote.test>')
    expect(stored).toMatchObject({ reversePath: 'bö@remote.test' })
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(' with UTF8SMTPS ')
  })

  it('composes a letter of its own, which we can read', async () => {
    await transport().sendMail({
      from: 'Bö <bo@remote.test>',
      to: 'support@ours.test',
      subject: 'Grüße',
      messageId: '<nodemailer-own@remote.test>',
      text: 'Grüße aus Köln.\n.\n',
      attachments: [{ filename: 'zwölf.bin', content: Buffer.from([0, 13, 10, 46, 13, 10, 255]) }],
    })
    const stored = await ours.stored('<nodemailer-own@remote.test>')
    expect(stored?.raw.toString()).toMatch(/^Subject: =\?UTF-8\?/m)
  })
})
