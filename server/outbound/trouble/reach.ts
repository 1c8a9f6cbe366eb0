/** Whether anybody can be reached on port 25. Many hosting providers close it, and then every mail server of the world seems to be down. */
import { isIPv4 } from 'node:net'
import { destinationOf } from '../pace/providers.ts'
import type { SessionEnd, Target, Transport } from '../transport.ts'
import type { OwnTrouble } from './own-trouble.ts'

/** So many that have nothing to do with each other are not down at once. A large provider never is: there two of its addresses say enough. */
const enoughDestinations = 3
const enoughAddresses = 2

/** What an ended session shows that was not known before; null: nothing. */
export type Judgement = 'blocked' | 'open' | null

/** Remembers whom nobody answered at, until somebody does. Bounded: when enough is known, no more is kept. */
export function createReach(): (target: Target, end: SessionEnd) => Judgement {
  const silent = new Map<string, { isLarge: boolean; addresses: Set<string> }>()
  let known: Judgement = null
  const turn = (judgement: Judgement): Judgement => {
    const isNew = judgement !== known
    known = judgement
    return isNew ? judgement : null
  }
  return (target, end) => {
    const destination = destinationOf(target)
    // A smarthost is on a port of its own; what is in our own network says nothing of the way out.
    if (destination === null || target.relay !== undefined) return null
    if (end.stage !== 'connect') {
      silent.clear()
      return turn('open')
    }
    // Many machines have no IPv6, and nobody misses it.
    if (known === 'blocked' || end.reply.status !== '4.4.1' || !isIPv4(target.address)) return null
    const one = silent.get(destination.key) ?? { isLarge: destination.name !== 'other', addresses: new Set<string>() }
    silent.set(destination.key, { ...one, addresses: one.addresses.add(target.address) })
    const isEnough = silent.size >= enoughDestinations || (one.isLarge && one.addresses.size >= enoughAddresses)
    return isEnough ? turn('blocked') : null
  }
}

const port25 = 'port 25'

/** The same transport, which tells when nobody can be reached, and when somebody can again. */
export function watchReach(transport: Transport, trouble: OwnTrouble): Transport {
  const note = createReach()
  return async (session) => {
    const end = await transport(session)
    const judgement = session.signal.aborted ? null : note(session.target, end)
    if (judgement === 'blocked') await trouble.raise({ class: 'unreachable', source: port25, reply: end.reply.text })
    if (judgement === 'open') await trouble.end('unreachable')
    return end
  }
}
