/**
 * Passkeys (WebAuthn Level 3): made while signed in, and to sign in with.
 *
 * Promises: the authenticator has seen that it is its owner (user verification); the answer is to a challenge of ours, once, and from a page of this server;
 * a counter that does not go up, which is how a copied authenticator shows, lets nobody in. Who asks for a challenge learns nothing of anybody.
 */
import {
  type AuthenticationResponseJSON,
  type PublicKeyCredentialCreationOptionsJSON,
  type PublicKeyCredentialRequestOptionsJSON,
  type RegistrationResponseJSON,
  generateAuthenticationOptions,
  generateRegistrationOptions,
  verifyAuthenticationResponse,
  verifyRegistrationResponse,
} from '@simplewebauthn/server'
import { decodeAttestationObject } from '@simplewebauthn/server/helpers'
import { isIP } from 'node:net'
import { sha256 } from '../../model/canonical.ts'
import { type PasskeyId, newId } from '../../model/ids.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import { lockAccount } from '../../store/accounts.ts'
import { appendLog } from '../../store/log.ts'
import { type PasskeyRow, countPasskey, insertPasskey, passkeyByCredential, passkeysOf, removePasskeys } from '../../store/passkeys.ts'
import { type PersonRow, personById } from '../../store/people.ts'
import { spendChallenge } from '../../store/signups.ts'
import { challengeLifeMs, makeChallenge, readChallenge } from './challenge.ts'
import { type Begun, type PeopleDeps, type SignedIn, personEntry } from './person.ts'
import { type Over, begin, whileSignedIn } from './sessions.ts'

const mostPasskeys = 10
/** ES256, EdDSA, RS256 (IANA COSE Algorithms): what authenticators have. */
const algorithms = [-7, -8, -257]

export type PasskeyProblem = 'SIGN_IN_REFUSED' | 'PASSKEY_REFUSED' | 'PASSKEYS_UNAVAILABLE'

/** The name passkeys are bound to (WebAuthn §5.1.2: a domain, never an address), and where the pages are; null: browsers make none for this server. */
function relyingParty(publicUrl: string): { id: string; origin: string } | null {
  const { hostname, origin, protocol } = new URL(publicUrl)
  const isTrusted = protocol === 'https:' || hostname === 'localhost'
  return isTrusted && isIP(hostname.replaceAll(/[[\]]/g, '')) === 0 ? { id: hostname, origin } : null
}

export const hasPasskeys = ({ publicUrl }: PeopleDeps): boolean => relyingParty(publicUrl) !== null

const signingIn = 'sign-in'
const adding = ({ id }: PersonRow): string => `add ${id}`

export async function signInOptions(deps: PeopleDeps): Promise<Result<PublicKeyCredentialRequestOptionsJSON, PasskeyProblem>> {
  const party = relyingParty(deps.publicUrl)
  if (party === null) return fail('PASSKEYS_UNAVAILABLE')
  const challenge = makeChallenge(deps.secret, signingIn, deps.clock.now())
  // The authenticator knows whose it is: nobody is named, so nothing is told.
  return ok(
    await generateAuthenticationOptions({
      rpID: party.id,
      challenge,
      timeout: challengeLifeMs,
      userVerification: 'required',
      allowCredentials: [],
    }),
  )
}

/** @param previous what the cookie of a session held */
export async function enterByPasskey(
  deps: PeopleDeps,
  response: AuthenticationResponseJSON,
  previous: string | undefined,
): Promise<Result<Begun, PasskeyProblem>> {
  const party = relyingParty(deps.publicUrl)
  if (party === null) return fail('PASSKEYS_UNAVAILABLE')
  const passkey = await passkeyByCredential(deps.store.db, response.id)
  const person = passkey === undefined ? undefined : await personById(deps.store.db, passkey.person_id)
  if (passkey === undefined || person === undefined) return fail('SIGN_IN_REFUSED')
  const proved = await proofOf(deps, party, passkey, response)
  const hasCounted = proved !== null && (proved.counter > passkey.counter || (proved.counter === 0 && passkey.counter === 0))
  return deps.store.transaction(async (tx) => {
    const now = deps.clock.now()
    await lockAccount(tx, person.account_id)
    const current = await personById(tx, person.id)
    if (current === undefined) return fail('SIGN_IN_REFUSED')
    const isGood =
      proved !== null &&
      hasCounted &&
      (await spendChallenge(tx, { digest: proved.digest, repeat_hash: null, forget_at: proved.until })) &&
      (await countPasskey(tx, passkey, { counter: proved.counter, now }))
    if (isGood) return ok(await begin(tx, deps, { person: current, method: 'passkey', previous }))
    const by = { kind: 'system', part: 'identity' } as const
    const metadata = { because: proved === null || hasCounted ? 'passkey' : 'passkey_counter', passkey_id: passkey.id }
    await appendLog(tx, personEntry('person.refused', person, now, { by, metadata }))
    return fail('SIGN_IN_REFUSED')
  })
}

type Proof = { counter: number; digest: string; until: number }

async function proofOf(
  { secret, clock }: PeopleDeps,
  party: { id: string; origin: string },
  { person_id, credential_id, public_key }: PasskeyRow,
  response: AuthenticationResponseJSON,
): Promise<Proof | null> {
  const handle = response.response.userHandle
  // §7.2 step 6: nobody was named, so the authenticator says whose passkey it is.
  if (handle !== Buffer.from(person_id).toString('base64url')) return null
  const seen: { challenge: string; until: number }[] = []
  const answer = await verifyAuthenticationResponse({
    response,
    expectedChallenge: (challenge) => noteChallenge(seen, challenge, readChallenge(secret, signingIn, challenge, clock.now())),
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
    // Its counter is judged, and put on the record, by whoever asks.
    credential: { id: credential_id, publicKey: new Uint8Array(public_key), counter: 0 },
  }).catch(() => null)
  const [first] = seen
  if (answer?.verified !== true || first === undefined) return null
  return { counter: answer.authenticationInfo.newCounter, digest: digestOf(first.challenge), until: first.until }
}

function noteChallenge(seen: { challenge: string; until: number }[], challenge: string, until: number | null): boolean {
  if (until !== null) seen.push({ challenge, until })
  return until !== null
}

const digestOf = (challenge: string): string => sha256('passkey', challenge)

export async function newPasskeyOptions(
  deps: PeopleDeps,
  person: PersonRow,
): Promise<Result<PublicKeyCredentialCreationOptionsJSON, PasskeyProblem>> {
  const party = relyingParty(deps.publicUrl)
  if (party === null) return fail('PASSKEYS_UNAVAILABLE')
  const own = await passkeysOf(deps.store.db, person.id)
  if (own.length >= mostPasskeys) return fail('PASSKEY_REFUSED', `Nobody has more than ${mostPasskeys} passkeys; remove one first.`)
  return ok(
    await generateRegistrationOptions({
      rpName: 'MultiMail',
      rpID: party.id,
      userID: new Uint8Array(Buffer.from(person.id)),
      userName: person.address,
      userDisplayName: person.name,
      challenge: makeChallenge(deps.secret, adding(person), deps.clock.now()),
      timeout: challengeLifeMs,
      attestationType: 'none',
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
      excludeCredentials: own.map(({ credential_id }) => ({ id: credential_id })),
      supportedAlgorithmIDs: algorithms,
    }),
  )
}

/** Nobody vouches for the authenticator, as was asked for (§8.7), but itself at most (§8.2, self attestation). Certificates name places in the network that whoever
 *  checks them would ask, so they are refused unread. @param coded base64url */
export function isUnattested(coded: string): boolean {
  try {
    const attestation = decodeAttestationObject(new Uint8Array(Buffer.from(coded, 'base64url')))
    const format = attestation.get('fmt')
    return format === 'none' || (format === 'packed' && attestation.get('attStmt').get('x5c') === undefined)
  } catch {
    return false
  }
}

/** @param name what the person calls it, in `details` only */
export async function addPasskey(
  deps: PeopleDeps,
  who: SignedIn,
  { response, name }: { response: RegistrationResponseJSON; name: string },
): Promise<Result<PasskeyId, PasskeyProblem> | Over> {
  const party = relyingParty(deps.publicUrl)
  if (party === null) return fail('PASSKEYS_UNAVAILABLE')
  if (!isUnattested(response.response.attestationObject)) return fail('PASSKEY_REFUSED')
  const seen: { challenge: string; until: number }[] = []
  const answer = await verifyRegistrationResponse({
    response,
    expectedChallenge: (challenge) =>
      noteChallenge(seen, challenge, readChallenge(deps.secret, adding(who.person), challenge, deps.clock.now())),
    expectedOrigin: party.origin,
    expectedRPID: party.id,
    requireUserVerification: true,
    supportedAlgorithmIDs: algorithms,
  }).catch(() => null)
  const [first] = seen
  if (answer?.verified !== true || first === undefined) return fail('PASSKEY_REFUSED')
  const { credential } = answer.registrationInfo
  return whileSignedIn(deps, who, async (tx, person, now) => {
    const isRoom = (await passkeysOf(tx, person.id)).length < mostPasskeys
    if (!isRoom || !(await spendChallenge(tx, { digest: digestOf(first.challenge), repeat_hash: null, forget_at: first.until })))
      return fail('PASSKEY_REFUSED')
    const id = newId('passkey', now)
    const row = { id, account_id: person.account_id, person_id: person.id, credential_id: credential.id, name, created_at: now }
    const isNew = await insertPasskey(tx, {
      ...row,
      public_key: Buffer.from(credential.publicKey),
      counter: credential.counter,
      last_used_at: null,
    })
    if (!isNew) return fail('PASSKEY_REFUSED')
    await appendLog(tx, personEntry('person.passkey_added', person, now, { metadata: { passkey_id: id }, details: { name } }))
    return ok(id)
  })
}

export const removePasskey = (deps: PeopleDeps, who: SignedIn, id: PasskeyId): Promise<Result<PasskeyId, 'PASSKEY_NOT_FOUND'> | Over> =>
  whileSignedIn(deps, who, async (tx, person, now) => {
    const removed = await removePasskeys(tx, person.id, id)
    if (removed.length === 0) return fail('PASSKEY_NOT_FOUND')
    await appendLog(tx, personEntry('person.passkey_removed', person, now, { metadata: { passkey_id: id } }))
    return ok(id)
  })
