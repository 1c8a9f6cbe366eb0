/** Whether the addresses we are to send from are on this machine. */
import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Source } from '../transport/sources.ts'
import type { OwnTrouble } from './own-trouble.ts'

/** Why the system would not send from this address, such as EADDRNOTAVAIL; null when it would. It is asked, not the list of interfaces: an address can be
 *  usable without being on one. */
function whyNotFrom(address: string): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  socket.once('error', (error: NodeJS.ErrnoException) => {
    socket.close()
    resolve(error.code ?? error.message)
  })
  socket.bind({ address, port: 0, exclusive: true }, () => socket.close(() => resolve(null)))
  return promise
}

/** Tells of each that cannot be used, and of those that can be again. @returns them */
export async function checkSources(sources: readonly Source[], trouble: OwnTrouble): Promise<string[]> {
  const asked = await Promise.all(sources.map(async ({ address }) => ({ address, why: await whyNotFrom(address) })))
  const missing = asked.flatMap(({ address, why }) => (why === null ? [] : [{ address, why }]))
  if (missing.length === 0) await trouble.end('source-address')
  else
    await trouble.end(
      'source-address',
      asked.filter(({ why }) => why === null).map(({ address }) => address),
    )
  for (const { address, why } of missing) await trouble.raise({ class: 'source-address', source: address, reply: why })
  return missing.map(({ address }) => address)
}
