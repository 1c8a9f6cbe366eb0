/** A browser at a desk: it keeps cookies, and says where its requests begin. */
import { addPerson } from '../../server/identity/people/on-host.ts'
import type { PersonRole } from '../../server/model/actor.ts'
import type { AccountId } from '../../server/model/ids.ts'
import type { Answer, Desk } from './desk.ts'

export const deskOrigin = 'https://mail.ours.test'

export type Browser = {
  cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Answer>
  post(path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>
  /** Asks for a code and waits until whatever comes of that has come. */
  ask(address: string): Promise<Answer>
}

export function openBrowser(desk: Desk): Browser {
  const cookies = new Map<string, string>()
  const send = async (method: string, path: string, body: unknown, headers: Record<string, string>): Promise<Answer> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(desk.url + path, {
      method,
      headers: { ...(cookie !== '' && { cookie }), ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    for (const line of answer.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      if (value === '') cookies.delete(name)
      else cookies.set(name, value)
    }
    return { status: answer.status, headers: answer.headers, body: (await answer.json()) as Record<string, unknown> }
  }
  const post: Browser['post'] = (path, body = {}, headers = { origin: deskOrigin }) => send('POST', path, body, headers)
  return {
    cookies,
    get: (path, headers = {}) => send('GET', path, undefined, headers),
    post,
    async ask(address) {
      const answer = await post('/session/code', { address })
      await desk.people.settled()
      return answer
    },
  }
}

/** The letters to an address that were not sent yet, oldest first. */
export const lettersTo = async ({ store }: Desk, address: string) =>
  (await store.db.selectFrom('operator_mails').selectAll().orderBy('id').execute()).filter(({ recipient }) => recipient === address)

/** The code of the newest letter to an address. */
export const mailedCode = async (desk: Desk, address: string): Promise<string> =>
  /^ {2}(\w{4}-\w{4})$/m.exec((await lettersTo(desk, address)).at(-1)?.body ?? '')?.[1] ?? 'none'

export const ann = 'ann@elsewhere.example'

/** @returns the code that the host printed */
export async function addTo(desk: Desk, accountId: AccountId, address = ann, role: PersonRole = 'reviewer'): Promise<string> {
  const added = await addPerson(desk, { accountId, address, name: 'Ann', role })
  if (!added.ok) throw new Error(added.detail)
  return added.value.code
}

/** A browser in which somebody new has signed in, with the code of the host. */
export async function signedIn(desk: Desk, accountId: AccountId, address = ann): Promise<Browser> {
  const browser = openBrowser(desk)
  const answer = await browser.post('/session/enter', { code: await addTo(desk, accountId, address) })
  if (answer.status !== 200) throw new Error(String(answer.body['code']))
  return browser
}
