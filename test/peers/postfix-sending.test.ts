import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { missingPeer } from '../support/peers.ts'
import { type Postfix, cannotRunPostfix, startPostfix } from '../support/postfix.ts'
import { type ReceivingEnd, asWritten, awkwardLetter, openReceivingEnd, ourReceived } from '../support/receiving-end.ts'

describe.skipIf(missingPeer('postfix') || cannotRunPostfix())('a Postfix that sends to us', () => {
  let ours: ReceivingEnd
  let postfix: Postfix
  beforeAll(async () => {
    ours = await openReceivingEnd()
    postfix = await startPostfix({
      domain: 'remote.test',
      users: ['bo'],
      ports: { mx: await freePort(), submission: await freePort() },
      routes: { 'ours.test': ours.port, 'elsewhere.test': ours.port },
      clearRoutes: { 'robot@ours.test': ours.port },
    })
  })
  afterAll(async () => {
    await postfix.stop()
    await ours.remove()
  })

  it.each([
    ['with TLS', 'support@ours.test', 'ESMTPS'],
    ['without', 'robot@ours.test', 'ESMTP'],
  ])('brings a letter octet for octet, %s', async (how, to, protocol) => {
    const id = `<postfix-${how.replace(' ', '-')}@remote.test>`
    await postfix.submit({ reversePath: 'bo@remote.test', forwardPaths: [to], raw: awkwardLetter(id) })
    expect(await postfix.logged(new RegExp(`to=<${to}>.*status=.*`))).toMatch(/status=sent \(250 2\.0\.0 .*em_/)
    const stored = await ours.stored(id)
    expect(stored).toMatchObject({ reversePath: 'bo@remote.test', forwardPaths: [to] })
    expect(asWritten(stored?.raw ?? Buffer.alloc(0))).toBe(awkwardLetter(id))
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(` with ${protocol} `)
  })

  it('is refused two recipients of three, and the third gets the letter', async () => {
    const forwardPaths = ['support+three@ours.test', 'nobody@ours.test', 'ann@elsewhere.test']
    await postfix.submit({ reversePath: 'bo@remote.test', forwardPaths, raw: awkwardLetter('<postfix-three@remote.test>') })
    expect(await postfix.logged(/to=<support\+three@ours\.test>.*status=.*/)).toMatch(/status=sent /)
    expect(await postfix.logged(/to=<nobody@ours\.test>.*status=.*/)).toMatch(/status=bounced .*550 5\.1\.1 /)
    expect(await postfix.logged(/to=<ann@elsewhere\.test>.*status=.*/)).toMatch(/status=bounced .*550 5\.7\.1 /)
    expect(await ours.stored('<postfix-three@remote.test>')).toMatchObject({ forwardPaths: ['support+three@ours.test'] })
  })

  it('brings a letter from an address beyond ASCII (SMTPUTF8)', async () => {
    const raw = awkwardLetter('<postfix-utf8@remote.test>')
    await postfix.submit({ reversePath: 'bö@remote.test', forwardPaths: ['support+utf8@ours.test'], raw })
    expect(await postfix.logged(/to=<support\+utf8@ours\.test>.*status=.*/)).toMatch(/status=sent /)
    const stored = await ours.stored('<postfix-utf8@remote.test>')
    expect(stored).toMatchObject({ reversePath: 'bö@remote.test' })
    expect(ourReceived(stored?.raw ?? Buffer.alloc(0))).toContain(' with UTF8SMTPS ')
  })
})
