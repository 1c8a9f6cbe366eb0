import type { Desk, Office } from './desk.ts'

/** The code in the newest letter that offers a session, as the operator reads it. */
export async function sessionCode({ store }: Desk): Promise<string> {
  const letters = store.db.selectFrom('operator_mails').select('body').where('subject', 'like', '%operator session')
  const letter = await letters.orderBy('id', 'desc').executeTakeFirst()
  const code = /^ {2}([A-Z2-9]{4}-[A-Z2-9]{4})$/m.exec(letter?.body ?? '')?.[1]
  if (code === undefined) throw new Error('no letter with a code')
  return code
}

/** What a browser keeps of a Set-Cookie, and sends. */
export const cookieOf = (headers: Headers): string => headers.get('set-cookie')?.split(';')[0] ?? ''

/** An operator's session of the office's admin key, begun as a person begins it. */
export async function beginSession(desk: Desk, { keys }: Office): Promise<{ id: string; cookie: string }> {
  await desk.call(keys.admin, 'POST', '/v1/operator/start-session', {})
  const { status, body, headers } = await desk.call(keys.admin, 'POST', '/v1/operator/verify-session', { code: await sessionCode(desk) })
  if (status !== 200) throw new Error(`verify-session: ${JSON.stringify(body)}`)
  return { id: String(body['session_id']), cookie: cookieOf(headers) }
}

/** As if no code had been asked for within the hour. */
export const forgetAsking = async ({ store }: Desk, { accountId }: Office): Promise<void> => {
  await store.db.updateTable('operator_sessions').set({ created_at: 0 }).where('account_id', '=', accountId).execute()
}
