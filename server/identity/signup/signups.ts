/**
 * How an account comes into being without a command on the host (contract §5.1, §5.2), when the operator of the server lets it.
 *
 * Promises: no account is made before somebody used a code that was mailed to the address of its operator. There are two: one for the agent, whose key reads
 * and proposes in one mailbox, and one for the person, whose keys decide and manage; neither code gives what the other does. The mailbox is gated. Who asks
 * is told the same whether the address has an account or not. A proof of work is good once, for the address it was made for. Of codes only keyed hashes are
 * kept; what is tried and mailed has its limits for each network, each address and the server. No request decides what a letter links to.
 */
import { randomBytes, randomInt } from 'node:crypto'
import { type DomainName } from '../../../dns/name.ts'
import type { Scope, SystemActor } from '../../model/actor.ts'
import { type Address, addressKey, parseAddress } from '../../model/address.ts'
import { type KeyId, type SignupId, newId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import { makeSpokenCode, plainCode } from '../../model/spoken-code.ts'
import type { Tenancy } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import { findAccount, insertAccount, lockAccount } from '../../store/accounts.ts'
import type { Db, Store, Tx } from '../../store/db.ts'
import { domainByName, hostedDomain, lockDomain } from '../../store/domains.ts'
import { insertKey, lockKeys, revokeKey } from '../../store/keys.ts'
import { type NewLogEntry, appendLog, appendLogs } from '../../store/log.ts'
import { mailboxById, stateOf } from '../../store/mailboxes.ts'
import { isReadHere } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import type { Row } from '../../store/schema.ts'
import {
  type SignupRow,
  changeSignup,
  countSignedUp,
  hasAccount,
  insertSignup,
  isSlugTaken,
  isSlugWanted,
  letterBefore,
  lockSignup,
  signupBy,
  signupsOf,
  spendChallenge,
  spentChallenge,
  sweepSignups,
} from '../../store/signups.ts'
import { draftKey } from '../keys.ts'
import { makeMailbox, whyTaken } from '../mailboxes.ts'
import { type Challenge, type Solution, checkSolution, digestOf, keyed, makeChallenge, same } from './challenge.ts'
import { codesLetter, knownLetter } from './letters.ts'
import { type LimitedStep, type Network, createLimits, resendAfterMs } from './limits.ts'
import { likeSlug, slugFor, whyNoSlug } from './slug.ts'

const hour = 60 * 60_000
const day = 24 * hour
export const signupLifeMs = day
/** Of one address in a day; whoever asks for more hears nothing of it. */
const mostOfAddress = 3
/** Of one sign-up, the first included. */
const mostLetters = 5
/** Of all that people ask for, and of all that agents do: neither uses up what the other may. */
const mostLettersInAnHour = 100
const mostTries = 5
/** After its first use a code gives other keys once more, as long as nobody has used those that it gave: the answer may have been lost. */
const againForMs = 10 * 60_000
/** A repetition with the same idempotency key is known for as long (contract §1.4). */
const repeatMs = hour

export type SignupMode = SignupRow['mode']
/** `agents`: agents register themselves as well. `difficulty`: attempts at worst. */
export type SignupPolicy = { kind: 'people' | 'agents'; domain: DomainName; difficulty: number; mostAccounts: number }

/** `slug` null: one is made from the name. `idempotencyKey` null: there is none. */
export type SignupRequest = {
  email: string
  name: string
  slug: string | null
  mode: SignupMode
  physicalAddress: string | null
  useCase: string | null
  solution: Solution
  idempotencyKey: string | null
}
export type Registration = { id: SignupId; claimToken: string; expiresAt: number }
type IssuedKey = { key: string; scopes: readonly Scope[] }
/** `ownerKeys` null: it was the agent's code. */
export type Confirmed = {
  name: string
  mode: SignupMode
  mailbox: { id: string; address: string }
  email: string
  useCase: string | null
  signup: SignupId
  keys: { agent: IssuedKey } | { admin: IssuedKey; reviewer: IssuedKey }
}
export type SlugState = {
  slug: string
  available: boolean
  reason: 'invalid' | 'reserved' | 'taken' | null
  suggestions: string[]
  address: string
}

type Off = 'SIGNUP_NOT_ENABLED'
type Common = Off | 'TOO_MANY_SIGNUPS'
export type RequestProblem =
  | Common
  | 'CHALLENGE_NOT_ACCEPTED'
  | 'CHALLENGE_SPENT'
  | 'BAD_SLUG'
  | 'SLUG_TAKEN'
  | 'BAD_OVERSIGHT_EMAIL'
  | 'SIGNUPS_FULL'
export type ConfirmProblem = Common | 'SIGNUP_NOT_FOUND' | 'ALREADY_CONFIRMED' | 'SIGNUPS_FULL'
export type ClaimProblem = Common | 'CLAIM_NOT_ACCEPTED' | 'CLAIM_USED' | 'ALREADY_CONFIRMED' | 'SIGNUPS_FULL'

/** Whose key a code gives. */
export type Side = 'agent' | 'owner'

export type Signups = {
  /** off: nobody signs up here */
  readonly kind: SignupPolicy['kind'] | 'off'
  /** what the key of an agent may do: it proposes, in one mailbox */
  readonly agentScopes: readonly Scope[]
  challenge(network: Network, email: string | null): Result<Challenge, Common>
  slug(network: Network, slug: string): Promise<Result<SlugState, Common>>
  /** `repeated`: an earlier call with this idempotency key did it. */
  request(network: Network, request: SignupRequest): Promise<Result<{ repeated: boolean }, RequestProblem>>
  /** Writes the letter again, with other codes, if there is a sign-up that waits; who asks is not told. */
  resend(network: Network, email: string): Promise<Result<null, Common>>
  confirm(network: Network, side: Side, code: string): Promise<Result<Confirmed, ConfirmProblem>>
  register(
    network: Network,
    request: Pick<SignupRequest, 'email' | 'name' | 'mode'>,
  ): Promise<Result<Registration, Common | 'BAD_OVERSIGHT_EMAIL' | 'SIGNUPS_FULL'>>
  claim(network: Network, claimToken: string, otp: string): Promise<Result<Confirmed, ClaimProblem>>
  /** Each hour, so that nobody's address is kept for longer than it is needed. */
  readonly sweeping: { name: string; schedule: string; work(now: number): Promise<void> }
}

/** `policy` null: off. `onMail`: called once a letter is in the store. */
export type SignupsDeps = {
  store: Store
  clock: Clock
  policy: SignupPolicy | null
  secret: string
  publicUrl: string
  onMail?: () => void
}

type Deps = SignupsDeps & { policy: SignupPolicy }

const agentScopes: readonly Scope[] = ['read', 'send']
const signupActor: SystemActor = { kind: 'system', part: 'signup' }

/** Why nobody can sign up at this domain; null: somebody may. What a catch-all takes today is somebody's mail, which must not become that of a stranger. */
export async function whyClosed(db: Db, name: DomainName): Promise<'domain-not-set-up' | 'domain-has-catch-all' | null> {
  const domain = await domainByName(db, name)
  if (domain === undefined || domain.is_pending === 1) return 'domain-not-set-up'
  // What is left of it is a name: no keys to sign with, and nobody who reads what is sent to postmaster.
  if ((await findAccount(db, domain.account_id))?.deleted_at !== null) return 'domain-not-set-up'
  return domain.catch_all_mailbox_id === null ? null : 'domain-has-catch-all'
}

export function createSignups(deps: SignupsDeps): Signups {
  const { store, clock, policy, secret, onMail } = deps
  const limits = createLimits(clock)
  /** Why this step may not be taken; else what it needs. */
  const may = (step: LimitedStep, network: Network): Result<Deps, Common> => {
    if (policy === null || ((step === 'register' || step === 'claim') && policy.kind !== 'agents')) return fail('SIGNUP_NOT_ENABLED')
    const wait = limits.take(step, network)
    return wait > 0 ? { ...fail('TOO_MANY_SIGNUPS'), retryAfterMs: wait } : ok({ ...deps, policy })
  }
  return {
    kind: policy?.kind ?? 'off',
    agentScopes,
    sweeping: { name: 'signups', schedule: '37 * * * *', work: (now) => sweepSignups(store.db, now) },

    challenge(network, email) {
      const allowed = may('challenge', network)
      if (!allowed.ok) return allowed
      const most = allowed.value.policy.difficulty
      return ok(makeChallenge(secret, { email: email === null ? null : addressKey(email), most, now: clock.now() }))
    },

    async slug(network, slug) {
      const allowed = may('slug', network)
      return allowed.ok ? ok(await stateOfSlug(store.db, allowed.value, slug, clock.now())) : allowed
    },

    async request(network, request) {
      const allowed = may('request', network)
      if (!allowed.ok) return allowed
      const proved = checkSolution(secret, request.solution, { email: addressKey(request.email), now: clock.now() })
      if (!proved.ok) return (await isRepeated(deps, request)) ? ok({ repeated: true }) : proved
      const end = await store.transaction((tx) => takeRequest(tx, allowed.value, request, proved.value.digest))
      if (end.ok && !end.value.repeated) onMail?.()
      return end
    },

    async resend(network, email) {
      const allowed = may('resend', network)
      if (!allowed.ok) return allowed
      const wait = limits.again(addressKey(email))
      if (wait > 0)
        return { ...fail('TOO_MANY_SIGNUPS', 'The letter is written again after five minutes at the earliest.'), retryAfterMs: wait }
      await store.transaction((tx) => writeAgain(tx, allowed.value, addressKey(email)))
      onMail?.()
      return ok(null)
    },

    async confirm(network, side, code) {
      const allowed = may('confirm', network)
      if (!allowed.ok) return allowed
      const hash = codeHash(secret, side, code)
      const found = await signupBy(store.db, side === 'agent' ? 'code_hash' : 'owner_hash', hash)
      if (found === undefined) return fail('SIGNUP_NOT_FOUND')
      return store.transaction(async (tx) => {
        const row = await lockSignup(tx, found.id)
        const kept = side === 'agent' ? row?.code_hash : row?.owner_hash
        if (row === undefined || kept === undefined || !same(kept, hash) || !isOpen(row, side, clock.now())) return fail('SIGNUP_NOT_FOUND')
        return confirmRow(tx, allowed.value, row, side)
      })
    },

    async register(network, request) {
      const allowed = may('register', network)
      if (!allowed.ok) return allowed
      const end = await store.transaction((tx) => register(tx, allowed.value, request))
      if (end.ok) onMail?.()
      return end
    },

    async claim(network, claimToken, otp) {
      const allowed = may('claim', network)
      if (!allowed.ok) return allowed
      const found = await signupBy(store.db, 'claim_hash', keyed(secret, 'claim', claimToken))
      return found === undefined ? fail('CLAIM_NOT_ACCEPTED') : store.transaction((tx) => claim(tx, allowed.value, found.id, otp))
    },
  }
}

const isOpen = (row: SignupRow, side: Side, now: number): boolean => row.kind !== 'known' && now < row.expires_at && isFresh(row, side, now)

/** Never used, or so lately that its answer may have been lost. */
function isFresh(row: SignupRow, side: Side, now: number): boolean {
  const usedAt = side === 'agent' ? row.agent_used_at : row.owner_used_at
  return usedAt === null || now < usedAt + againForMs
}

const codeHash = (secret: string, side: Side, code: string): string => keyed(secret, `code-${side}`, plainCode(code))
const otpHash = (secret: string, id: SignupId, otp: string): string => keyed(secret, 'otp', id, otp)
/** 43 bits, of which a network may try five in an hour. */
const makeSignupCode = (): string => makeSpokenCode(3, 3)

const addressFor = (policy: SignupPolicy, slug: string): Address => `${slug}@${policy.domain}` as Address

async function stateOfSlug(db: Db, { policy }: Deps, slug: string, now: number): Promise<SlugState> {
  const why = whyNoSlug(slug)
  const reason = why ?? ((await isFree(db, policy, slug, now)) ? null : 'taken')
  const suggestions = reason === 'taken' ? await freeLike(db, policy, slug, now) : []
  return { slug, available: reason === null, reason, suggestions, address: addressFor(policy, slug) }
}

const isFree = async (db: Db, policy: SignupPolicy, slug: string, now: number): Promise<boolean> =>
  !(await isSlugWanted(db, slug, now)) && (await whyTaken(db, addressFor(policy, slug), 'live')) === null

const mostSuggestions = 3
async function freeLike(db: Db, policy: SignupPolicy, slug: string, now: number): Promise<string[]> {
  const free: string[] = []
  for (const one of likeSlug(slug)) if (free.length < mostSuggestions && (await isFree(db, policy, one, now))) free.push(one)
  return free
}

/** One that nobody has or waits for: the wanted one, one that is like it, or one by chance. */
async function someSlug(wanted: string, isGood: (slug: string) => Promise<boolean>): Promise<string> {
  for (const slug of [wanted, ...likeSlug(wanted)]) if (await isGood(slug)) return slug
  return `${wanted.slice(0, 24).replace(/-+$/, '')}-${randomBytes(5).toString('hex')}`
}

/** Whether there is room for one more, of accounts and of letters; said before anything that depends on the address. From here to the end of the
 *  transaction nobody else has a letter written, so that what is counted stays true. */
async function whyNoRoom(tx: Tx, { policy }: Deps, by: 'person' | 'agent', now: number): Promise<Result<null, 'SIGNUPS_FULL' | Common>> {
  await lockDomain(tx, policy.domain)
  if ((await whyClosed(tx, policy.domain)) !== null) return fail('SIGNUP_NOT_ENABLED')
  if ((await countSignedUp(tx)) >= policy.mostAccounts) return fail('SIGNUPS_FULL')
  const before = await letterBefore(tx, { count: mostLettersInAnHour, since: now - hour, byAgents: by === 'agent' })
  return before === null ? ok(null) : { ...fail('TOO_MANY_SIGNUPS'), retryAfterMs: before + hour - now }
}

async function takeRequest(
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
async function isRepeated({ store, secret }: SignupsDeps, request: SignupRequest): Promise<boolean> {
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

type Codes = { code: string; ownerCode: string; hashes: Pick<SignupRow, 'code_hash' | 'owner_hash'> }

function codesOf(secret: string, id: SignupId, isAgent: boolean): Codes {
  const code = isAgent ? String(randomInt(1_000_000)).padStart(6, '0') : makeSignupCode()
  const ownerCode = makeSignupCode()
  const code_hash = isAgent ? otpHash(secret, id, code) : codeHash(secret, 'agent', code)
  return { code, ownerCode, hashes: { code_hash, owner_hash: codeHash(secret, 'owner', ownerCode) } }
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

async function writeAgain(tx: Tx, deps: Deps, emailKey: string): Promise<void> {
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

async function register(
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

async function claim(tx: Tx, deps: Deps, id: SignupId, otp: string): Promise<Result<Confirmed, ClaimProblem>> {
  const now = deps.clock.now()
  const row = await lockSignup(tx, id)
  if (row === undefined || now >= row.expires_at || row.tries >= mostTries) return fail('CLAIM_NOT_ACCEPTED')
  if (!isFresh(row, 'agent', now)) return fail('CLAIM_USED')
  if (!same(row.code_hash, otpHash(deps.secret, id, otp)) || row.kind !== 'agent') {
    await changeSignup(tx, id, { tries: row.tries + 1 })
    await appendLog(tx, entryOf('signup.refused', null, id, { tries: row.tries + 1 }, now))
    return fail('CLAIM_NOT_ACCEPTED')
  }
  const end = await confirmRow(tx, deps, row, 'agent')
  if (end.ok) return end
  if (end.code !== 'SIGNUP_NOT_FOUND') return fail(end.code)
  return fail(row.agent_used_at === null ? 'CLAIM_NOT_ACCEPTED' : 'CLAIM_USED')
}

/** Makes the account with the first of its two codes, and the keys that this one gives. */
async function confirmRow(tx: Tx, deps: Deps, row: SignupRow, side: Side): Promise<Result<Confirmed, MakeProblem | 'SIGNUP_NOT_FOUND'>> {
  const now = deps.clock.now()
  const made = row.account_id === null ? await makeAccount(tx, deps, row, now) : await accountMade(tx, row, side)
  if (!made.ok) return made
  const { account, mailbox, entries } = made.value
  const tenancy: Tenancy = { accountId: account.id, world: 'live' }
  const taken = await takeBack(tx, row, side, tenancy, now)
  if (!taken.ok) return taken
  entries.push(...taken.value)
  const ids: KeyId[] = []
  const issue = async (name: string, scopes: readonly Scope[], bound = false): Promise<IssuedKey> => {
    const drafted = draftKey({ tenancy, name, scopes, by: signupActor, ...(bound && { mailboxIds: [mailbox.id] }) }, now)
    if (!drafted.ok) throw new Error(drafted.detail)
    await insertKey(tx, drafted.value.row)
    entries.push(drafted.value.logEntry)
    ids.push(drafted.value.row.id)
    return { key: drafted.value.key, scopes }
  }
  const keys =
    side === 'agent'
      ? { agent: await issue('agent', agentScopes, true) }
      : { admin: await issue('operator', ['admin']), reviewer: await issue('reviewer', ['read', 'oversight']) }
  const keys_json = JSON.stringify(ids)
  const used =
    side === 'agent'
      ? { agent_used_at: row.agent_used_at ?? now, agent_keys_json: keys_json }
      : { owner_used_at: row.owner_used_at ?? now, owner_keys_json: keys_json }
  await changeSignup(tx, row.id, { account_id: account.id, mailbox_id: mailbox.id, ...used })
  await appendLogs(tx, [...entries, entryOf('signup.confirmed', tenancy, row.id, { by: side, again: taken.value.length > 0 }, now)])
  const { name, oversight_email } = account
  return ok({
    name,
    mode: row.mode,
    mailbox: { id: mailbox.id, address: mailbox.address },
    email: oversight_email ?? row.email,
    useCase: row.use_case,
    signup: row.id,
    keys,
  })
}

/** Ends the keys that this code gave before. @returns what goes on the record; SIGNUP_NOT_FOUND: one of them was used, or has ended already */
async function takeBack(
  tx: Tx,
  row: SignupRow,
  side: Side,
  tenancy: Tenancy,
  now: number,
): Promise<Result<NewLogEntry[], 'SIGNUP_NOT_FOUND'>> {
  const ids = JSON.parse((side === 'agent' ? row.agent_keys_json : row.owner_keys_json) ?? '[]') as KeyId[]
  const given = await lockKeys(tx, ids)
  if (given.length < ids.length || given.some(({ last_used_at, revoked_at }) => last_used_at !== null || revoked_at !== null))
    return fail('SIGNUP_NOT_FOUND')
  for (const id of ids) await revokeKey(tx, id, now)
  return ok(
    ids.map((id) => ({
      at: now,
      actor: signupActor,
      tenancy,
      action: 'key.revoked' as const,
      resourceType: 'key' as const,
      resourceId: id,
    })),
  )
}

type MakeProblem = 'SIGNUP_NOT_ENABLED' | 'ALREADY_CONFIRMED' | 'SIGNUPS_FULL'
type Made = { account: Row<'accounts'>; mailbox: Pick<Row<'mailboxes'>, 'id' | 'address'>; entries: NewLogEntry[] }

async function makeAccount(tx: Tx, { policy }: Deps, row: SignupRow, now: number): Promise<Result<Made, MakeProblem>> {
  // Whoever else makes an address or an account here waits from now on.
  const domain = await lockDomain(tx, policy.domain)
  if (domain === undefined || (await whyClosed(tx, policy.domain)) !== null) return fail('SIGNUP_NOT_ENABLED')
  if (await hasAccount(tx, row.email_key)) return fail('ALREADY_CONFIRMED')
  if ((await countSignedUp(tx)) >= policy.mostAccounts) return fail('SIGNUPS_FULL')
  const isGood = async (slug: string) => !(await isSlugTaken(tx, slug)) && (await whyTaken(tx, addressFor(policy, slug), 'live')) === null
  const slug = await someSlug(row.slug, isGood)
  const account: Row<'accounts'> = {
    id: newId('account', now),
    name: row.name,
    slug,
    physical_address: row.physical_address,
    oversight_email: parseAddress(row.email),
    exported_at: null,
    test_exported_at: null,
    deleted_at: null,
    removed_at: null,
    signed_up_at: now,
    created_at: now,
  }
  await insertAccount(tx, account)
  const draft = {
    domain: { id: domain.id, account_id: account.id },
    world: 'live' as const,
    address: addressFor(policy, slug),
    displayName: null,
    mode: row.mode,
  }
  const { row: mailbox, entry } = await makeMailbox(tx, draft, { actor: signupActor, now })
  const created: NewLogEntry = {
    at: now,
    actor: signupActor,
    tenancy: { accountId: account.id, world: 'live' },
    action: 'account.created',
    resourceType: 'account',
    resourceId: account.id,
    metadata: { signup_id: row.id },
    details: { name: account.name, oversight_email: account.oversight_email },
  }
  return ok({ account, mailbox, entries: [created, entry] })
}

/** By the other code. SIGNUP_NOT_FOUND: the account has been deleted since, or the mailbox that was made with it, without which there is nothing for an agent. */
async function accountMade(tx: Tx, row: SignupRow, side: Side): Promise<Result<Made, 'SIGNUP_NOT_FOUND'>> {
  // Whoever deletes the account comes before this or behind it, and then finds the keys that this gives.
  const account = row.account_id === null ? undefined : await lockAccount(tx, row.account_id)
  const mailbox = row.mailbox_id === null ? undefined : await mailboxById(tx, row.mailbox_id)
  if (account === undefined || account.deleted_at !== null || mailbox === undefined) return fail('SIGNUP_NOT_FOUND')
  return side === 'agent' && stateOf(mailbox) === 'deleted' ? fail('SIGNUP_NOT_FOUND') : ok({ account, mailbox, entries: [] })
}

const entryOf = (
  action: Extract<NewLogEntry['action'], `signup.${string}`>,
  tenancy: Tenancy | null,
  id: SignupId,
  metadata: NonNullable<NewLogEntry['metadata']>,
  at: number,
): NewLogEntry => ({ at, actor: signupActor, tenancy, action, resourceType: 'signup', resourceId: id, metadata })
