import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Exim, type EximTls, createExim } from '../support/exim.ts'
import { cannotHaveOwnMachine } from '../support/own-machine.ts'
import { missingUnpackedPeer } from '../support/peers.ts'
import { type ReceivingEnd, asWritten, awkwardLetter, openReceivingEnd, ourReceived } from '../support/receiving-end.ts'

describe.skipIf(missingUnpackedPeer('exim4') || cannotHaveOwnMachine())('an Exim that sends to us', () => {
  let ours: ReceivingEnd
  let exim: Exim
  beforeAll(async () => {
    ours = await openReceivingEnd()
    exim = await createExim({ hostname: 'mx.remote.test', port: ours.port })
  })
  afterAll(async () => {
    await exim.remove()
    await ours.remove()
  })

  /** Handed in with the line ends of Unix, as programs do. */
  const send = (tls: EximTls, to: readonly string[], letter: string, from = 'bo@remote.test'): Promise<string> =>
    exim.send({ tls, from, to, message: letter.replaceAll('\r\n', '\n') })

  it.each<[EximTls, protocol: string, log: RegExp]>([
    ['offered', 'ESMTPS', / X=TLS1\.3:/],
    ['required', 'ESMTPS', / X=TLS1\.3:/],
    ['never', 'ESMTP', /^(?!.* X=)/],
  ])('brings a letter octet for octet, its commands in one go and the letter in chunks, with TLS %s', async (tls, protocol, log) => {
    const letter = awkwardLetter(`<exim-${tls}@remote.test>`)
    const [said = ''] = (await send(tls, ['support@ours.test'], letter)).split('\n').filter((line) => line.includes('=> '))
    // L: pipelined; K: in chunks (BDAT)
    expect(said).toMatch(/ => support@ours\.test .* L K C="250 2\.0\.0 .*em_[0-9A-Z]{26}/)
    expect(said).toMatch(log)
    const stored = await ours.stored(`<exim-${tls}@remote.test>`)
    expect(stored).toMatchObject({ reversePath: 'bo@remote.test', forwardPaths: ['support@ours.test'] })
    expect(asWritten(stored?.raw ?? Buffer.alloc(0))).toBe(letter)
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(` with ${protocol} `)
  })

  it('is refused one recipient of three, and the others get the letter', async () => {
    const letter = awkwardLetter('<exim-three@remote.test>')
    const log = await send('offered', ['support@ours.test', 'nobody@ours.test', 'robot+news@ours.test'], letter)
    expect(log).toMatch(/ \*\* nobody@ours\.test .*: 550 5\.1\.1 /)
    expect(log).toMatch(/ [=-]> support@ours\.test /)
    expect(log).toMatch(/ [=-]> robot\+news@ours\.test /)
    expect(asWritten((await ours.stored('<exim-three@remote.test>'))?.raw ?? Buffer.alloc(0))).toBe(letter)
  })

  it('is not relayed for', async () => {
    const log = await send('offered', ['ann@elsewhere.test', 'ann%elsewhere.test@ours.test'], awkwardLetter('<exim-relay@remote.test>'))
    expect(log.match(/ \*\* .*: 550 5\.7\.1 Relaying denied/g)).toHaveLength(2)
    expect(await ours.stored('<exim-relay@remote.test>')).toBeNull()
  })

  it('brings a letter from an address beyond ASCII (SMTPUTF8), and a bounce from nobody', async () => {
    const letter = awkwardLetter('<exim-utf8@remote.test>')
    expect(await send('offered', ['support@ours.test'], letter, 'bö@remote.test')).toMatch(/ => support@ours\.test .*C="250 /)
    const stored = await ours.stored('<exim-utf8@remote.test>')
    expect(stored).toMatchObject({ reversePath: 'bö@remote.test' })
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(' with UTF8SMTPS ')
    expect(await send('offered', ['support@ours.test'], awkwardLetter('<exim-null@remote.test>'), '<>')).toMatch(/ => support@ours\.test /)
    expect(await ours.stored('<exim-null@remote.test>')).toMatchObject({ reversePath: '' })
  })
})
