import type { DomainName } from '../../../dns/name.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import { type HttpsCode, type HttpsDeps, askOverHttps } from '../../platform/https.ts'
import { type StsPolicy, parseStsPolicy } from './mta-sts-policy.ts'

/** In the words of RFC 8460 §4.3.2.2. */
export type StsTrouble = 'sts-policy-fetch-error' | 'sts-policy-invalid' | 'sts-webpki-invalid'

const maxPolicyBytes = 64 * 1024 // RFC 8461 §3.3

/** The policy as its host serves it now. Never rejects. @param signal an abort ends it soon */
export async function fetchStsPolicy(deps: HttpsDeps, domain: DomainName, signal?: AbortSignal): Promise<Result<StsPolicy, StsTrouble>> {
  const asked = { host: `mta-sts.${domain}`, path: '/.well-known/mta-sts.txt', content: null, maxBytes: maxPolicyBytes }
  const answer = await askOverHttps(deps, { ...asked, ...(signal && { signal }) })
  if (!answer.ok) return fail(troubleOf[answer.code], answer.detail)
  const { status, contentType, body } = answer.value
  // Redirects must not be followed, and anything but text/plain may be what a stranger put there (§3.2, §3.3).
  if (status !== 200) return fail('sts-policy-fetch-error', `the status is ${status}`)
  if (!/^text\/plain\s{0,8}(;|$)/i.test(contentType)) return fail('sts-policy-invalid', 'it is not text/plain')
  const policy = parseStsPolicy(body.toString('utf8'))
  return policy === null ? fail('sts-policy-invalid', 'it is no policy') : ok(policy)
}

const troubleOf: Readonly<Record<HttpsCode, StsTrouble>> = {
  NO_ADDRESS: 'sts-policy-fetch-error',
  FAILED: 'sts-policy-fetch-error',
  CERTIFICATE: 'sts-webpki-invalid',
}
