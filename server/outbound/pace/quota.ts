/** How many messages one account may hand in within a calendar month (UTC), each recipient counted; mail of the test world goes nowhere and is free. */
import type { Tenancy } from '../../model/world.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tx } from '../../store/db.ts'
import { countMonthly } from '../../store/monthly-messages.ts'

type Ask = { tenancy: Tenancy; messages: number; /** null: as many as they like */ most: number | null; now: number }

/** Counts what was allowed, so what comes after it in the transaction has to be the filing. */
export async function spendOfMonth(tx: Tx, { tenancy, messages, most, now }: Ask): Promise<Result<null, 'QUOTA_EXCEEDED'>> {
  if (messages === 0 || most === null || tenancy.world === 'test') return ok(null)
  if (await countMonthly(tx, { tenancy, start: monthStart(now) }, messages, most)) return ok(null)
  const words = `The monthly quota of this account is ${most} messages, one for each recipient; it begins anew on the 1st (UTC)`
  return { ...fail('QUOTA_EXCEEDED', words), retryAfterMs: nextMonth(now) - now }
}

function monthStart(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth())
}

function nextMonth(now: number): number {
  const date = new Date(now)
  return Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + 1)
}
