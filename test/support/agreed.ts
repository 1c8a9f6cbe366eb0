import { expect } from 'vitest'
import type { Method } from '../../server/operations/procedure.ts'
import type { Answer, Desk } from './desk.ts'

/** The code in the newest letter to the operator. */
export async function mailedCode({ store }: Desk): Promise<string> {
  const letter = await store.db.selectFrom('operator_mails').select('body').orderBy('id', 'desc').executeTakeFirst()
  return /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter?.body ?? '')?.[1] ?? expect.fail('no letter with a code')
}

/** Calls twice, the second time with the code that was mailed. */
export async function agreed(desk: Desk, method: Method, path: string, body: object = {}, key = desk.ours.keys.admin): Promise<Answer> {
  const first = await desk.call(key, method, path, body)
  expect(first).toMatchObject({ status: 202, body: { status: 'pending_approval' } })
  return desk.call(key, method, path, { ...body, approval_code: await mailedCode(desk) })
}
