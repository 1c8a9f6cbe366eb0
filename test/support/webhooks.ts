import { createWebhooks } from '../../server/events/webhooks.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import { newId } from '../../server/model/ids.ts'
import type { Tenancy } from '../../server/model/world.ts'
import type { Clock } from '../../server/platform/clock.ts'
import type { Store } from '../../server/store/db.ts'
import type { WebhookRow } from '../../server/store/webhooks.ts'
import type { Office } from './desk.ts'

/** A webhook that nobody had to confirm. */
export async function subscribe(
  store: Store,
  clock: Clock,
  tenancy: Tenancy,
  wanted: Partial<Parameters<ReturnType<typeof createWebhooks>['create']>[2]> = {},
): Promise<WebhookRow> {
  const webhooks = createWebhooks({ clock, allowPrivateTargets: true })
  const actor: KeyActor = { kind: 'key', keyId: newId('key', clock.now()), name: 'admin', scopes: ['admin'], mailboxIds: null, ...tenancy }
  const made = await store.transaction((tx) =>
    webhooks.create(tx, actor, { url: 'https://hook.remote.test/in', events: ['*'], mailboxId: null, ...wanted }),
  )
  if (!made.ok) throw new Error(made.code)
  return made.value
}

export const addWebhook = (
  { store, clock }: { store: Store; clock: Clock },
  { accountId }: Pick<Office, 'accountId'>,
  wanted: Parameters<typeof subscribe>[3] = {},
): Promise<WebhookRow> => subscribe(store, clock, { accountId, world: 'live' }, wanted)
