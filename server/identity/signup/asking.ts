/** Somebody asks for an account, and gets a letter with codes. */
import { randomBytes } from 'node:crypto'
import { addressKey } from '../../model/address.ts'
import { type SignupId, newId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tx } from '../../store/db.ts'
import { hostedDomain, lockDomain } from '../../store/domains.ts'
import { appendLog } from '../../store/log.ts'
import { isReadHere } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import type { Row } from '../../store/schema.ts'
import {
  type SignupRow,
  changeSignup,
  countSignedUp,
  hasAccount,
  insertSignup,
  letterBefore,
  lockSignup,
  signupsOf,
  spendChallenge,
  spentChallenge,
  sweepSignups,
} from '../../store/signups.ts'
import { digestOf, keyed, same } from './challenge.ts'
import { type Codes, codesOf } from './codes.ts'
import { addressFor, freeLike, isFree, someSlug } from './free-slug.ts'
import { codesLetter, knownLetter } from './letters.ts'
import { resendAfterMs } from './limits.ts'
import { slugFor, whyNoSlug } from './slug.ts'
import {
  type Common,
  type Deps,
  type Registration,
  type RequestProblem,
  type SignupRequest,
  type SignupsDeps,
  entryOf,
  signupLifeMs,
  whyClosed,
} from './terms.ts'

const hour = 60 * 60_000
const day = 24 * hour
/** Of one address in a day; whoever asks for more hears nothing of it. */
const mostOfAddress = 3
/** Of one sign-up, the first included. */
const mostLetters = 5
/** Of all that people ask for, and of all that agents do: neither uses up what the other may. */
const mostLettersInAnHour = 100
/** A repetition with the same idempotency key is known for as long (contract §1.4). */
const repeatMs = hour

/** Whether there is room for one more, of accounts and of letters; said before anything that depends on the address. From here to the end of the
 *  transaction nobody else has a letter written, so that what is counted stays true. */
async function whyNoRoom(tx: Tx, { policy }: Deps, by: 'person' | 'agent', now: number): Promise<Result<null, 'SIGNUPS_FULL' | Common>> {
  await lockDomain(tx, policy.domain)
  if ((await whyClosed(tx, policy.domain)) !== null) return fail('SIGNUP_NOT_ENABLED')
  if ((await countSignedUp(tx)) >= policy.mostAccounts) return fail('SIGNUPS_FULL')
  const before = await letterBefore(tx, { count: mostLettersInAnHour, since: now - hour, byAgents: by === 'agent' })
  return before === null ? ok(null) : { ...fail('TOO_MANY_SIGNUPS'), retryAfterMs: before + hour - now }
}

export async function takeRequest(
  tx: Tx,
  deps: Deps,
  request: SignupRequest,
  digest: string,
): Promise<Result<{ repeated: boolean }, RequestProblem>> {
  const { policy, clock, secret } = deps
  const now = clock.now()
  const repeat_hash = repeatHash(secret, request)
  const spent = await spentChallenge(tx, digest)
  if (spent !== undefined) return spentOr(spent, repeat_hash)
  const room = await whyNoRoom(tx, deps, 'person', now)
  if (!room.ok) return room
  const { slug: wanted } = request
  if (wanted !== null && whyNoSlug(wanted) !== null) return fail('BAD_SLUG')
  if (wanted !== null && !(await isFree(tx, policy, wanted, now)))
    return { ...fail('SLUG_TAKEN'), facts: { suggestions: await freeLike(tx, policy, wanted, now) } }
  if (await isReadHere(tx, request.email)) return fail('BAD_OVERSIGHT_EMAIL')
  await sweepSignups(tx, now)
  if (!(await spendChallenge(tx, { digest, repeat_hash, forget_at: now + repeatMs }))) return fail('CHALLENGE_SPENT')
  await newSignup(tx, deps, request, null, now)
  return ok({ repeated: false })
}

/** A call is its idempotency key, all that it says, and its solution, under whose digest this is kept. */
const repeatHash = (secret: string, request: SignupRequest): string | null =>
  request.idempotencyKey === null ? null : keyed(secret, 'repeat', JSON.stringify({ ...request, solution: null }))

/** Known for longer than the challenge is good. */
export async function isRepeated({ store, secret }: SignupsDeps, request: SignupRequest): Promise<boolean> {
  const repeat_hash = repeatHash(secret, request)
  const spent = repeat_hash === null ? undefined : await spentChallenge(store.db, digestOf(request.solution))
  return spent !== undefined && spentOr(spent, repeat_hash).ok
}

const spentOr = ({ repeat_hash }: Row<'spent_challenges'>, own: string | null): Result<{ repeated: boolean }, 'CHALLENGE_SPENT'> =>
  repeat_hash !== null && own !== null && same(repeat_hash, own) ? ok({ repeated: true }) : fail('CHALLENGE_SPENT')

type Asked = Pick<SignupRequest, 'email' | 'name' | 'mode'> & Partial<Pick<SignupRequest, 'slug' | 'physicalAddress' | 'useCase'>>

/** Writes down who asks, and to them. Of an address that has an account the row is there as well, and its letter says so: from outside both look alike.
 *  @param claimToken of an agent that registers itself, else null. @returns null when nothing was written because the address was written to often enough */
async function newSignup(tx: Tx, deps: Deps, asked: Asked, claimToken: string | null, now: number): Promise<SignupId | null> {
  const { policy, secret } = deps
  const [email, email_key] = [asked.email, addressKey(asked.email)]
  const slug = asked.slug ?? (await someSlug(slugFor(asked.name), (one) => isFree(tx, policy, one, now)))
  const [earlier, isKnown] = [await signupsOf(tx, email_key, now - day), await hasAccount(tx, email_key)]
  if (earlier.length >= mostOfAddress) return null
  const id = newId('signup', now)
  const codes = codesOf(secret, id, claimToken !== null)
  await insertSignup(tx, {
    id,
    kind: isKnown ? 'known' : claimToken === null ? 'person' : 'agent',
    email,
    email_key,
    name: asked.name,
    slug,
    mode: asked.mode,
    physical_address: asked.physicalAddress ?? null,
    use_case: asked.useCase ?? null,
    ...codes.hashes,
    claim_hash: claimToken === null ? null : keyed(secret, 'claim', claimToken),
    tries: 0,
    letters: 1,
    letter_at: now,
    created_at: now,
    expires_at: now + signupLifeMs,
    account_id: null,
    mailbox_id: null,
    agent_used_at: null,
    owner_used_at: null,
    agent_keys_json: null,
    owner_keys_json: null,
  })
  const row = {
    email,
    slug,
    mode: asked.mode,
    kind: claimToken === null ? ('person' as const) : ('agent' as const),
    expires_at: now + signupLifeMs,
  }
  await write(tx, deps, row, isKnown ? null : codes, now)
  await appendLog(tx, entryOf('signup.requested', null, id, { by: claimToken === null ? 'person' : 'agent' }, now))
  return id
}

/** In the name of whoever runs the server. @param codes null: there is an account already */
async function write(
  tx: Tx,
  { policy, publicUrl }: Deps,
  { email, slug, mode, kind, expires_at }: Pick<SignupRow, 'email' | 'slug' | 'mode' | 'kind' | 'expires_at'>,
  codes: Codes | null,
  now: number,
): Promise<void> {
  const domain = await hostedDomain(tx, policy.domain)
  if (domain === undefined) return
  const facts = { publicUrl, address: addressFor(policy, slug), mode, endsAt: expires_at, byAgent: kind === 'agent' }
  const letter = codes === null ? knownLetter(publicUrl) : codesLetter({ ...facts, ...codes })
  await insertOperatorMail(tx, { accountId: domain.account_id, recipient: email, ...letter, now, giveUpAt: expires_at, ofSignup: true })
}

export async function writeAgain(tx: Tx, deps: Deps, emailKey: string): Promise<void> {
  const now = deps.clock.now()
  const waits = (row: SignupRow) => row.kind === 'person' && row.account_id === null && row.letters < mostLetters && now < row.expires_at
  const found = (await signupsOf(tx, emailKey, now - signupLifeMs)).find(waits)
  // In the order in which a code is used: the sign-up before the domain.
  const waiting = found && (await lockSignup(tx, found.id))
  if (waiting === undefined || !waits(waiting) || now < waiting.letter_at + resendAfterMs) return
  if (!(await whyNoRoom(tx, deps, 'person', now)).ok) return
  const codes = codesOf(deps.secret, waiting.id, false)
  await changeSignup(tx, waiting.id, { ...codes.hashes, letters: waiting.letters + 1, letter_at: now })
  await write(tx, deps, waiting, codes, now)
  await appendLog(tx, entryOf('signup.repeated', null, waiting.id, { letters: waiting.letters + 1 }, now))
}

export async function register(
  tx: Tx,
  deps: Deps,
  asked: Pick<SignupRequest, 'email' | 'name' | 'mode'>,
): Promise<Result<Registration, Common | 'BAD_OVERSIGHT_EMAIL' | 'SIGNUPS_FULL'>> {
  const now = deps.clock.now()
  const room = await whyNoRoom(tx, deps, 'agent', now)
  if (!room.ok) return room
  if (await isReadHere(tx, asked.email)) return fail('BAD_OVERSIGHT_EMAIL')
  await sweepSignups(tx, now)
  const claimToken = randomBytes(32).toString('base64url')
  // An id and a token like all others, of which nothing can come: who asks is not told how often the address was written to.
  const id = (await newSignup(tx, deps, asked, claimToken, now)) ?? newId('signup', now)
  return ok({ id, claimToken, expiresAt: now + signupLifeMs })
}
