import { expect, it } from 'vitest'
import { tryHosts } from '../../server/outbound/hosts.ts'
import { type Ending, ourEnding } from '../../server/outbound/transport.ts'
import { silentLog } from '../../server/platform/log.ts'
import { address } from '../support/offices.ts'

const targets = ['2001:db8::1', '192.0.2.1', '2001:db8::2', '192.0.2.2'].map((each) => ({
  host: 'mx.remote.test',
  address: each,
  port: 25,
}))
const dispatch = { reversePath: null, forwardPath: address('bo@remote.test'), message: Buffer.from('Hi: you\r\n\r\n') }
const remote = (stage: Ending['stage'], code: number, status: Ending['reply']['status'], text = ''): Ending => ({
  ...ourEnding(stage, code, status, text),
  by: 'remote',
})

it.each<[what: string, first: Ending, tried: string[]]>([
  ['has no PTR record for us over IPv6', remote('dot', 550, '5.7.25', 'PTR record'), ['2001:db8::1', '192.0.2.1']],
  ['has another host’s TLS to offer', ourEnding('tls', 451, '4.7.5', 'no'), ['2001:db8::1', '192.0.2.1']],
  ['cannot be had over TLS all the way', ourEnding('mail', 550, '5.7.30', 'REQUIRETLS'), ['2001:db8::1', '192.0.2.1']],
  ['says itself that it wants that', remote('mail', 550, '5.7.30'), ['2001:db8::1']],
  ['refuses the recipient', remote('rcpt', 550, '5.1.1'), ['2001:db8::1']],
])('a host that %s: who is tried next', async (_what, first, tried) => {
  const dialled: string[] = []
  const transport = async ({ target }: { target: { address: string } }) => {
    dialled.push(target.address)
    const ending = dialled.length === 1 ? first : remote('dot', 250, '2.0.0', 'Ok')
    return await Promise.resolve({ ...ending, remoteAddress: target.address, tls: null })
  }
  await tryHosts(transport, targets, dispatch, new AbortController().signal, silentLog)
  expect(dialled).toEqual(tried)
})
