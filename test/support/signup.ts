import { createHash } from 'node:crypto'
import type { DomainName } from '../../dns/name.ts'
import type { Challenge } from '../../server/identity/signup/challenge.ts'
import type { SignupPolicy } from '../../server/identity/signup/terms.ts'
import type { Answer, Desk } from './desk.ts'

/** At the domain of our office, and for little work. */
export const forPeople: SignupPolicy = { kind: 'people', domain: 'ours.test' as DomainName, difficulty: 300, mostAccounts: 10 }
export const forAgents: SignupPolicy = { ...forPeople, kind: 'agents' }

/** As a client finds it. */
export function solved({ maxnumber, ...challenge }: Challenge): Omit<Challenge, 'maxnumber'> & { number: number } {
  for (let number = 0; number <= maxnumber; number++)
    if (createHash('sha256').update(`${challenge.salt}${number}`).digest('hex') === challenge.challenge) return { ...challenge, number }
  throw new Error('no number solves it')
}

export const challenge = async (desk: Desk, email?: string): Promise<Challenge> =>
  (await desk.call(null, 'POST', '/v1/account/challenge', email === undefined ? {} : { oversight_email: email }))
    .body as unknown as Challenge

export const wanted = {
  operator_name: 'Ann',
  oversight_email: 'ann@elsewhere.example',
  accepted_tos: true,
  accepted_operator_agreement: true,
  accepted_anti_spam_policy: true,
}

/** Signs up as a client does, with a challenge of its own. */
export async function signUp(desk: Desk, more: Record<string, unknown> = {}, headers?: Record<string, string>): Promise<Answer> {
  const body: Record<string, unknown> = { ...wanted, ...more }
  const pow_solution = more['pow_solution'] ?? solved(await challenge(desk, String(body['oversight_email'])))
  return desk.call(null, 'POST', '/v1/account', { ...body, pow_solution }, headers)
}

export type SignupLetter = { recipient: string; body: string; agent: string | undefined; yours: string | undefined }

/** The letters to people who are said to have signed up, oldest first. */
export async function signupLetters({ store }: Desk): Promise<SignupLetter[]> {
  const rows = await store.db.selectFrom('operator_mails').select(['recipient', 'subject', 'body']).orderBy('id').execute()
  const ofSignups = rows.filter(({ subject }) => subject.includes('MultiMail account'))
  return ofSignups.map(({ recipient, body }) => ({
    recipient,
    body,
    agent: /^ {2}agent: (\S+)$/m.exec(body)?.[1],
    yours: /^ {2}yours: (\S+)$/m.exec(body)?.[1],
  }))
}

export async function lastLetter(desk: Desk): Promise<{ agent: string; yours: string; body: string }> {
  const { agent, yours, body } = (await signupLetters(desk)).at(-1) ?? {}
  if (agent === undefined || yours === undefined || body === undefined) throw new Error('no letter with codes')
  return { agent, yours, body }
}

export const activate = (desk: Desk, code: string): Promise<Answer> => desk.call(null, 'POST', '/v1/confirm', { code })

/** Network limits are counted in whole hours. */
export const nextHour = (desk: Desk): Promise<void> => desk.clock.advance(3_600_000)
