/**
 * The life of the service's keys: a new one is shown to everybody a day before it signs, an old one is shown for years after its secret half is destroyed.
 *
 * Promises: no token is made with a key that others could not have fetched; what was signed once can be checked for years; of several nodes one makes the next key;
 * each step is on the record.
 */
import { randomBytes } from 'node:crypto'
import type { SystemActor } from '../../model/actor.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Db, Store } from '../../store/db.ts'
import { type LogAction, appendLogs } from '../../store/log.ts'
import { type SecretRow, changeSecret, insertSecret, installationSecret, secretsNamed } from '../../store/secrets.ts'
import { type ServiceKey, type UsableKey, publicHalf, serviceKey } from './service-key.ts'

const name = 'service-identity'

const day = 24 * 60 * 60_000
/** Others keep what they fetched for an hour, and other nodes what they read for some minutes. */
export const shownBeforeMs = day
/** Each is shown for years, so there are not to be thousands. */
const shortestLifeMs = 7 * day
/** A node may have read the keys just before. */
const quietMs = 2 * 60 * 60_000
/** What a reader of the document may be asked to look through. */
const mostShown = 16

export type ServiceKeys = { signing: UsableKey; others: readonly ServiceKey[] }

type Kept = SecretRow & { key: ServiceKey }

/** As they are now; the first is made when there is none. */
export async function readServiceKeys(store: Store, now: number): Promise<ServiceKeys> {
  const rows = await keptKeys(store.db)
  if (rows.length > 0) return choose(rows, now)
  await installationSecret(store, name, now)
  return choose(await keptKeys(store.db), now)
}

/** Newest first. */
const keptKeys = async (db: Db): Promise<Kept[]> =>
  (await secretsNamed(db, name)).map((row) => ({ ...row, key: serviceKey(row.secret, row.created_at) }))

function choose(rows: readonly Kept[], now: number): ServiceKeys {
  const signing = signingOf(rows, now)
  return { signing, others: rows.flatMap(({ key }) => (key.kid === signing.kid ? [] : key)).slice(0, mostShown - 1) }
}

/** The newest that has been shown for long enough; the first of all has nobody before it. */
function signingOf(rows: readonly Kept[], now: number): UsableKey {
  const usable = rows.flatMap(({ key }) => (key.privateKey === null ? [] : { ...key, privateKey: key.privateKey }))
  const signing = usable.find(({ madeAt }) => madeAt + shownBeforeMs <= now) ?? usable.at(-1)
  if (signing === undefined) throw new Error('the service has no key to sign with')
  return signing
}

const outbound: SystemActor = { kind: 'system', part: 'outbound' }

/** One look: makes the next key when it is time, destroys the secret halves of those that sign no more. @param rotateAfterMs null: no new keys */
export const reviewServiceKeys = ({ store, clock }: { store: Store; clock: Clock }, rotateAfterMs: number | null): Promise<void> =>
  store.transaction(async (tx) => {
    const now = clock.now()
    const rows = await keptKeys(tx)
    const [newest] = rows
    if (newest === undefined) return
    const entry = (action: LogAction, { kid }: ServiceKey) =>
      ({ at: now, actor: outbound, tenancy: null, action, resourceType: 'service_key', resourceId: kid }) as const
    const entries = []
    if (rotateAfterMs !== null && now >= newest.created_at + Math.max(rotateAfterMs, shortestLifeMs) - shownBeforeMs) {
      const secret = randomBytes(32).toString('hex')
      if (await insertSecret(tx, { name: `${name}-${rows.length + 1}`, secret, created_at: now }))
        entries.push(entry('service_key.made', serviceKey(secret, now)))
    }
    const signing = signingOf(rows, now)
    const isSettled = now >= signing.madeAt + shownBeforeMs + quietMs
    for (const row of rows.filter(({ key }) => isSettled && key.privateKey !== null && key.madeAt < signing.madeAt)) {
      await changeSecret(tx, row.name, publicHalf(row.secret))
      entries.push(entry('service_key.retired', row.key))
    }
    await appendLogs(tx, entries)
  })
