/** What became of mail of a desk, where no relay runs. */
import type { EmailId } from '../../server/model/ids.ts'
import type { Reply } from '../../server/model/reply.ts'
import { outcomeOf } from '../../server/outbound/outcome.ts'
import { recordOutcomes } from '../../server/outbound/outcomes.ts'
import { claimDue, deliveriesOf } from '../../server/store/queue.ts'
import type { Desk } from './desk.ts'

/** The remote mail server has answered so for each recipient. */
export async function settle({ store, clock }: Pick<Desk, 'store' | 'clock'>, email: string, reply: Reply): Promise<void> {
  const now = clock.now()
  const ids = (await deliveriesOf(store.db, email as EmailId)).map(({ id }) => id)
  const claims = await claimDue(store, { ids, now, leaseMs: 60_000, lease: 'one' })
  const target = { host: 'mx.remote.test', address: '192.0.2.1', port: 25 }
  const end = { stage: 'dot', by: 'remote', reply, mayBeAccepted: false, remoteAddress: '192.0.2.1', tls: null } as const
  const outcome = outcomeOf(end, target, null, false)
  await store.transaction((tx) =>
    recordOutcomes(
      tx,
      claims.map((claim) => ({ claim, outcome, retry: { kind: 'give-up' }, now })),
    ),
  )
}
