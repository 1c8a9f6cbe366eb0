/**
 * How an account comes into being without a command on the host (contract §5.1, §5.2), when the operator of the server lets it.
 *
 * Promises: no account is made before somebody used a code that was mailed to the address of its operator. There are two: one for the agent, whose key reads
 * and proposes in one mailbox, and one for the person, whose keys decide and manage; neither code gives what the other does. The mailbox is gated. Who asks
 * is told the same whether the address has an account or not. A proof of work is good once, for the address it was made for. Of codes only keyed hashes are
 * kept; what is tried and mailed has its limits for each network, each address and the server. No request decides what a letter links to.
 */
import { addressKey } from '../../model/address.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Scope } from '../../model/actor.ts'
import { lockSignup, signupBy, sweepSignups } from '../../store/signups.ts'
import { isRepeated, register, takeRequest, writeAgain } from './asking.ts'
import { type Challenge, checkSolution, keyed, makeChallenge, same } from './challenge.ts'
import { codeHash } from './codes.ts'
import { claim, confirmRow, isOpen } from './confirming.ts'
import { stateOfSlug } from './free-slug.ts'
import { type LimitedStep, type Network, createLimits } from './limits.ts'
import {
  type ClaimProblem,
  type Common,
  type Confirmed,
  type ConfirmProblem,
  type Deps,
  type Registration,
  type RequestProblem,
  type Side,
  type SignupPolicy,
  type SignupRequest,
  type SignupsDeps,
  type SlugState,
  agentScopes,
} from './terms.ts'

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
      return allowed.ok ? ok(await stateOfSlug(store.db, allowed.value.policy, slug, clock.now())) : allowed
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
