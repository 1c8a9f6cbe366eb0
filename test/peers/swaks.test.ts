import { execFile, execFileSync } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Appliance } from '../support/child-appliance.ts'
import { missingPeer, peerPath } from '../support/peers.ts'
import { createPremises, type Premises } from '../support/premises.ts'
import { skipBecause } from '../support/skip.ts'

const run = promisify(execFile)

/** Its TLS is a package of its own. */
const swaksHasNoTls = (): boolean =>
  !/^=== TLS supported$/m.test(String(execFileSync(peerPath('swaks'), ['--support']))) &&
  skipBecause('swaks has no TLS here; on Debian: apt-get install --no-install-recommends libnet-ssleay-perl')

describe.skipIf(missingPeer('swaks') || swaksHasNoTls())('swaks, a client on the command line', () => {
  let premises: Premises
  let appliance: Appliance
  beforeAll(async () => {
    premises = await createPremises({ engine: 'sqlite', remotePort: 9, names: { 'remote.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] } } })
    appliance = await premises.start()
  })
  afterAll(() => premises.remove())

  const swaks = (to: string, ...more: string[]): Promise<{ stdout: string }> =>
    run(peerPath('swaks'), [
      '--server',
      `127.0.0.1:${appliance.smtp.port}`,
      '--helo',
      'mx.remote.test',
      '--from',
      'bo@remote.test',
      '--to',
      to,
      ...more,
    ])

  it('starts TLS, sends its commands in one go, and is told what its message is called here', async () => {
    const { stdout } = await swaks('support@ours.test', '--tls', '--pipeline', '--header', 'Subject: from a shell')
    expect(stdout).toMatch(/=== TLS started with cipher TLSv1\.[23]/)
    expect(stdout).toMatch(/^<~ {2}250 .*em_[0-9A-Z]{26}/m)
    const inbox = await appliance.get(premises.keys.support, 'check_inbox')
    expect(inbox.messages).toMatchObject([{ subject: 'from a shell', from: 'bo@remote.test' }])
  })

  it('does without TLS and without pipelining, too', async () => {
    const { stdout } = await swaks('robot@ours.test', '--header', 'Subject: in the clear')
    expect(stdout).not.toMatch(/=== TLS started/)
    expect(stdout).toMatch(/^<- {2}250 .*em_[0-9A-Z]{26}/m)
    expect((await appliance.get(premises.keys.robot, 'check_inbox')).messages).toMatchObject([{ subject: 'in the clear' }])
  })

  it.each([
    ['nobody@ours.test', '550 5.1.1'],
    ['somebody@elsewhere.test', '550 5.7.1'],
  ])('is refused for %s with %s', async (to, reply) => {
    const refused = await swaks(to, '--tls').catch((error: { stdout: string }) => error)
    expect(refused.stdout).toContain(`<~* ${reply}`)
  })
})
