/** Somebody has a code: the first of an account makes it, and each gives the keys that it is for. */
import type { Scope } from '../../model/actor.ts'
import { parseAddress } from '../../model/address.ts'
import { type KeyId, type SignupId, newId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Tenancy } from '../../model/world.ts'
import { insertAccount, lockAccount } from '../../store/accounts.ts'
import type { Tx } from '../../store/db.ts'
import { lockDomain } from '../../store/domains.ts'
import { insertKey, lockKeys, revokeKey } from '../../store/keys.ts'
import { type NewLogEntry, appendLog, appendLogs } from '../../store/log.ts'
import { mailboxById, stateOf } from '../../store/mailboxes.ts'
import type { Row } from '../../store/schema.ts'
import { type SignupRow, changeSignup, countSignedUp, hasAccount, isSlugTaken, lockSignup } from '../../store/signups.ts'
import { draftKey } from '../keys.ts'
import { makeMailbox, whyTaken } from '../mailboxes.ts'
import { same } from './challenge.ts'
import { otpHash } from './codes.ts'
import { addressFor, someSlug } from './free-slug.ts'
import {
  type ClaimProblem,
  type Confirmed,
  type Deps,
  type IssuedKey,
  type Side,
  agentScopes,
  entryOf,
  signupActor,
  whyClosed,
} from './terms.ts'

const mostTries = 5
/** After its first use a code gives other keys once more, as long as nobody has used those that it gave: the answer may have been lost. */
const againForMs = 10 * 60_000

export const isOpen = (row: SignupRow, side: Side, now: number): boolean =>
  row.kind !== 'known' && now < row.expires_at && isFresh(row, side, now)

/** Never used, or so lately that its answer may have been lost. */
function isFresh(row: SignupRow, side: Side, now: number): boolean {
  const usedAt = side === 'agent' ? row.agent_used_at : row.owner_used_at
  return usedAt === null || now < usedAt + againForMs
}

export async function claim(tx: Tx, deps: Deps, id: SignupId, otp: string): Promise<Result<Confirmed, ClaimProblem>> {
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
export async function confirmRow(
  tx: Tx,
  deps: Deps,
  row: SignupRow,
  side: Side,
): Promise<Result<Confirmed, MakeProblem | 'SIGNUP_NOT_FOUND'>> {
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
