import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { listAccounts } from '../../server/store/accounts.ts'
import { verifyLog } from '../../server/store/log-verify.ts'
import { type Place, describeOnEachEngine } from '../support/stores.ts'

const program = fileURLToPath(new URL('./keep-committing.ts', import.meta.url))

/** Runs the program until it has told of `count` commits, then kills it in the middle of whatever it is doing. @returns all it has told */
async function killedAfter(count: number, { dataDir, databaseUrl }: Place): Promise<string[]> {
  const args = [program, dataDir, ...(databaseUrl === null ? [] : [databaseUrl])]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const told: string[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    told.push(line)
    if (told.length === count) child.kill('SIGKILL')
  }
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return told
}

describeOnEachEngine('what a transaction promised', (open, { newPlace }) => {
  it('is there after the process was killed without a word, each time', { timeout: 60_000 }, async () => {
    const place = await newPlace()
    const told: string[] = []
    for (const count of [1, 60, 150]) {
      told.push(...(await killedAfter(count, place)))
      const store = await open(place)
      const kept = new Set((await listAccounts(store.db)).map((account) => account.id as string))
      expect(told.filter((id) => !kept.has(id))).toEqual([])
      // What was committed and not yet told may be there too, each with its entry in the log.
      expect(await verifyLog(store.db)).toMatchObject({ ok: true, value: { entries: kept.size } })
      await store.close()
    }
    expect(told.length).toBeGreaterThanOrEqual(211)
  })
})
