/** What can be said of a peer's certificates: by the authorities the world trusts, and by the TLSA records of its host. */
import { type KeyObject, X509Certificate, createHash, createPublicKey, timingSafeEqual } from 'node:crypto'
import { isIP } from 'node:net'
import type { DaneRecord, TlsTrouble } from '../transport.ts'

/** A host may send as many certificates as it likes. */
const maxChain = 10

/** The peer's certificate and those it sent along that lead away from it, the peer's own first. */
export function chainOf(leaf: X509Certificate): X509Certificate[] {
  const chain = [leaf]
  for (let next = leaf.issuerCertificate; next !== undefined && chain.length < maxChain; next = next.issuerCertificate) {
    if (next.fingerprint256 === chain.at(-1)?.fingerprint256) break
    chain.push(next)
  }
  return chain
}

/** Whether a certificate is for one of these names. A wildcard stands for the whole of the leftmost label, and the subject's common name counts
 *  for nothing (RFC 8461 §4.1, RFC 6125), unless it is all there is and DANE allows it (RFC 7672 §3.2.3). */
const isFor = (certificate: X509Certificate, names: readonly string[], commonName: 'never' | 'default' = 'never'): boolean =>
  names.some((name) =>
    isIP(name) > 0
      ? certificate.checkIP(name) !== undefined
      : certificate.checkHost(name, { subject: commonName, partialWildcards: false }) !== undefined,
  )

/** What is wrong with it in the eyes of the world. @param chainError OpenSSL's code for what it found against the chain; null for nothing */
export function troubleWith(certificate: X509Certificate, chainError: string | null, names: readonly string[]): TlsTrouble | null {
  if (chainError === 'CERT_HAS_EXPIRED' || chainError === 'CERT_NOT_YET_VALID') return 'certificate-expired'
  if (chainError !== null) return 'certificate-not-trusted'
  return isFor(certificate, names) ? null : 'certificate-host-mismatch'
}

type DaneQuestion = { chain: readonly X509Certificate[]; records: readonly DaneRecord[]; names: readonly string[]; now: number }

/** Null when one of the records vouches for the peer. DANE-EE names the peer's own key, whatever else the certificate says: no name, no expiry
 *  (RFC 7672 §3.1.1). DANE-TA names an authority that the peer sent along; below it signatures, dates and the name have to be right (§3.1.2). */
export function daneTrouble({ chain, records, names, now }: DaneQuestion): TlsTrouble | null {
  const [leaf] = chain
  if (leaf === undefined) return 'validation-failure'
  if (records.some((record) => record.usage === 3 && matches(leaf, record))) return null
  const authorities = records.filter((record) => record.usage === 2)
  if (!leadsTo(chain, authorities, now)) return 'certificate-not-trusted'
  return isFor(leaf, names, 'default') ? null : 'certificate-host-mismatch'
}

/** From the peer's certificate upwards, each signed by the next, until one that a record names, or that a key given in a record has signed. */
function leadsTo(chain: readonly X509Certificate[], authorities: readonly DaneRecord[], now: number): boolean {
  const keys = authorities.map(keyInFull).filter((key) => key !== null)
  for (const [at, certificate] of chain.entries()) {
    if (!isInTime(certificate, now)) return false
    if (at > 0 && authorities.some((record) => matches(certificate, record))) return true
    if (keys.some((key) => certificate.verify(key))) return true
    const issuer = chain[at + 1]
    if (issuer === undefined || !issuer.ca || !certificate.checkIssued(issuer) || !certificate.verify(issuer.publicKey)) return false
  }
  return false
}

const isInTime = ({ validFromDate, validToDate }: X509Certificate, now: number): boolean =>
  validFromDate.getTime() <= now && now <= validToDate.getTime()

/** RFC 6698 §2.1. */
function matches(certificate: X509Certificate, { selector, matching, data }: DaneRecord): boolean {
  const selected = selector === 0 ? certificate.raw : certificate.publicKey.export({ type: 'spki', format: 'der' })
  const octets =
    matching === 0
      ? selected
      : createHash(matching === 1 ? 'sha256' : 'sha512')
          .update(selected)
          .digest()
  return octets.length === data.length && timingSafeEqual(octets, data)
}

/** The key of a record that has it in full, so that the authority's certificate need not be sent (RFC 7671 §5.2). */
function keyInFull({ selector, matching, data }: DaneRecord): KeyObject | null {
  if (matching !== 0) return null
  try {
    const octets = Buffer.from(data)
    return selector === 0 ? new X509Certificate(octets).publicKey : createPublicKey({ key: octets, format: 'der', type: 'spki' })
  } catch {
    return null // nobody's key: whoever published it is to be trusted no further than it goes
  }
}
