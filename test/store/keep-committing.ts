/** A program for durability.test.ts: commits without end, and prints each id once its transaction has resolved. Arguments: data folder, database URL. */
import { writeSync } from 'node:fs'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { newId } from '../../server/model/ids.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import { openStore } from '../../server/store/db.ts'
import { appendLog } from '../../server/store/log.ts'

const atOnce = 20
const [dataDir = '', databaseUrl] = process.argv.slice(2)
const store = await openStore({ dataDir, databaseUrl: databaseUrl ?? null, log: silentLog, clock: systemClock })

async function forEver(): Promise<never> {
  for (;;) {
    const id = newId('account', systemClock.now())
    await store.transaction(async (tx) => {
      await insertAccount(tx, { id, name: id, slug: id, created_at: 0 })
      await appendLog(tx, {
        at: 0,
        actor: { kind: 'system', part: 'host' },
        tenancy: null,
        action: 'account.created',
        resourceType: 'account',
        resourceId: id,
      })
    })
    writeSync(1, `${id}\n`)
  }
}
await Promise.all(Array.from({ length: atOnce }, forEver))
