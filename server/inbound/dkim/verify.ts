/**
 * Verifies the DKIM signatures of a message (RFC 6376, RFC 8301, RFC 8463).
 *
 * Promise: a signature passes only when every rule of RFC 6376 §6.1 that protects somebody holds for it; what it costs grows with the length of
 * the message times the number of signatures, and no faster; nothing that is in a message or a key makes it throw. It asks for one key for each
 * signature that deserves it; how many there may be, and how long that may take, is for the caller to say.
 */
import { type KeyObject, createHash, createVerify, verify } from 'node:crypto'
import type { DkimResult } from '../../model/verdict.ts'
import { type BodyHash, bodyHashes } from './body-hashes.ts'
import { signedOctets } from './canonical-header.ts'
import { type Row, headerRows } from './header-rows.ts'
import { readKeyRecord } from './key-record.ts'
import { type Algorithm, type Claim, type Signature, readSignature } from './signature.ts'

/** `reason`: what is wrong, in the words of RFC 6376 §6.1; `signed`: the fields it covers, one name for each; `unsigned`: octets of the body it
 *  does not (`l=`). */
export type VerifiedSignature = Claim & { result: DkimResult; reason: string | null; signed: readonly string[]; unsigned: number }

/** The first TXT record at a name, its strings joined; `failed`: nobody can say, for now. */
export type KeyAnswer = { kind: 'found'; record: string } | { kind: 'none' } | { kind: 'failed'; reason: string }

/** `now`: epoch ms. `askKey` must not reject. */
export type Verifying = { askKey: (name: string) => Promise<KeyAnswer>; now: number }

/** Of a message with CRLF line ends: `text` is the header section with its octets as Latin-1, `rows` its fields. */
export type Subject = { header: Buffer; text: string; rows: readonly Row[]; body: Buffer }

export function subjectOf({ header, body }: Pick<Subject, 'header' | 'body'>): Subject {
  const text = header.toString('latin1')
  return { header, text, rows: headerRows(text), body }
}

/** One for each signature that could be ours to verify, from the top. */
export async function verifySignatures(subject: Subject, verifying: Verifying): Promise<VerifiedSignature[]> {
  const hashes = bodyHashes(subject.body)
  const results: VerifiedSignature[] = []
  for (const row of subject.rows) {
    const read = row.name === 'dkim-signature' ? readSignature(subject.text, row) : null
    if (read === null) continue
    const { claim, signature } = read
    if ('problem' in signature) results.push({ ...claim, ...nothing('neutral', signature.problem) })
    else {
      const covered = coveredRows(subject.rows, signature.signed, row)
      const bodyHash = hashes({ form: signature.form.body, hash: signature.algorithm.hash, limit: signature.limit })
      const outcome = await outcomeOf(signature, { bodyHash, octets: () => octetsOf(subject, covered, row, signature), claim }, verifying)
      results.push({ ...claim, ...outcome, signed: covered.map(({ name }) => name), unsigned: bodyHash.unsigned })
    }
  }
  return results
}

type Outcome = { result: DkimResult; reason: string | null }

const outcome = (result: DkimResult, reason: string | null = null): Outcome => ({ result, reason })
const nothing = (result: DkimResult, reason: string): Outcome & Pick<VerifiedSignature, 'signed' | 'unsigned'> => ({
  ...outcome(result, reason),
  signed: [],
  unsigned: 0,
})

type Signed = { bodyHash: BodyHash; octets: () => Buffer; claim: Claim }

async function outcomeOf(signature: Signature, { bodyHash, octets, claim }: Signed, { askKey, now }: Verifying): Promise<Outcome> {
  // RFC 8601 §2.7.1: what was changed is a failure.
  if (signature.bodyHash !== bodyHash.hash) return outcome('fail', 'body hash did not verify')
  if (signature.algorithm.hash === 'sha1') return outcome('policy', 'weak algorithm')
  const answer = await askKey(signature.keyName)
  if (answer.kind === 'failed') return outcome('temperror', `DNS failure: ${answer.reason}`)
  const key = answer.kind === 'none' ? noKey : readKeyRecord(answer.record)
  if (key.kind === 'none') return outcome(key.result, key.reason)
  if (key.type !== signature.algorithm.key) return outcome('neutral', 'inappropriate key algorithm')
  if (key.sameDomain && !signature.isOwnDomain) return outcome('neutral', 'domain mismatch')
  if (!isSignedBy(key.key, signature.algorithm, octets(), Buffer.from(claim.signature, 'base64'))) return outcome('fail', 'bad signature')
  return signature.expires * 1_000 < now ? outcome('neutral', 'expired') : outcome('pass')
}

const noKey = { kind: 'none', result: 'neutral', reason: 'no key' } as const

function isSignedBy(key: KeyObject, algorithm: Algorithm, octets: Buffer, signature: Buffer): boolean {
  try {
    if (algorithm.key === 'rsa') return createVerify('sha256').update(octets).verify(key, signature)
    // RFC 8463 §3: Ed25519 signs the hash of what RSA signs.
    return verify(null, createHash('sha256').update(octets).digest(), key, signature)
  } catch {
    return false
  }
}

const octetsOf = ({ header }: Subject, covered: readonly Row[], row: Row, { form, value }: Signature): Buffer =>
  signedOctets(form.header, header, covered, row, value)

/** §5.4.2: of fields with one name the lowest comes first; a name more than there are fields stands for none. Its own field is never one of them. */
function coveredRows(rows: readonly Row[], names: readonly string[], own: Row): Row[] {
  const left = new Map<string, Row[]>()
  const wanted = new Set(names)
  for (const row of rows) {
    if (row === own || !wanted.has(row.name) || row.name === '') continue
    const same = left.get(row.name)
    if (same === undefined) left.set(row.name, [row])
    else same.push(row)
  }
  return names.flatMap((name) => left.get(name)?.pop() ?? [])
}
