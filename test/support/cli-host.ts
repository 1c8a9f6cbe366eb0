/** The machine of an operator, as commands find it: one domain that was set up, in a folder of its own, and the store on which the server would run. */
import { onTestFinished } from 'vitest'
import { createKeys } from '../../server/identity/keys.ts'
import { setUp } from '../../server/identity/setup.ts'
import type { KeyActor } from '../../server/model/actor.ts'
import type { AccountId } from '../../server/model/ids.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { listAccounts } from '../../server/store/accounts.ts'
import { type Store, openStore } from '../../server/store/db.ts'
import { type CliRun, multimail } from './cli.ts'
import { knownDkim } from './known-dkim.ts'
import { createScratch } from './scratch.ts'

export type CliHost = {
  store: Store
  accountId: AccountId
  run(...argv: string[]): Promise<CliRun>
  /** What a command says that has nothing to complain about. */
  said(...argv: string[]): Promise<string>
  /** Who has a new admin key of the account. */
  admin(): Promise<KeyActor>
}

/** Gone when the test ends. */
export async function openCliHost(): Promise<CliHost> {
  const scratch = await createScratch('cli')
  const store = await openStore({ databaseUrl: null, dataDir: scratch.path, log: silentLog, clock: systemClock })
  onTestFinished(async () => {
    await store.close()
    await scratch.remove()
  })
  await setUp({ store, clock: systemClock, makeDkim: knownDkim }, { domain: 'example.com', mailbox: 'agent' })
  const accountId = (await listAccounts(store.db))[0]?.id
  if (accountId === undefined) throw new Error('no account')
  const run: CliHost['run'] = (...argv) => multimail({ MULTIMAIL_DATA_DIR: scratch.path, MULTIMAIL_HOSTNAME: 'mx.example.net' }, ...argv)
  return {
    store,
    accountId,
    run,
    async said(...argv) {
      const { code, out, err } = await run(...argv)
      if (code !== 0 || err !== '') throw new Error(`${argv.join(' ')}: ${code} ${err}`)
      return out
    },
    async admin() {
      const keys = createKeys({ store, clock: systemClock })
      const issued = await keys.issue({ tenancy: { accountId, world: 'live' }, name: 'admin', scopes: ['admin'] })
      const actor = await keys.identify(issued.ok ? issued.value.key : '')
      if (actor === null) throw new Error('no key')
      return actor
    },
  }
}
