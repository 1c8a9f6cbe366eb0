/**
 * One HTTPS request to a host that a stranger's DNS names: addresses by our own resolver, looked at before anything is dialled; the certificate
 * verified for the name; no redirects; what comes back bounded in size and time.
 */
import { request } from 'node:https'
import { checkServerIdentity } from 'node:tls'
import type { Resolver } from '../../../dns/resolver.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Clock } from '../../platform/clock.ts'
import { isPublicAddress } from '../transport/public-address.ts'

export type HttpsDeps = {
  resolver: Resolver
  clock: Clock
  allowPrivateTargets: boolean
  /** instead of 443, and of the authorities everybody knows: for tests */
  port?: number
  ca?: string
}

/** @property maxBytes of the answer's body */
export type HttpsRequest = {
  host: string
  path: string
  /** null asks with GET, content with POST */
  content: { type: string; bytes: Buffer } | null
  maxBytes: number
  /** an abort ends it soon */
  signal?: AbortSignal
}
export type HttpsAnswer = { status: number; contentType: string; body: Buffer }
/** `CERTIFICATE`: somebody answered, who is not the host. */
export type HttpsCode = 'NO_ADDRESS' | 'CERTIFICATE' | 'FAILED'

// RFC 8461 §3.3 suggests a minute for all; mail waits for this.
const allMs = 30_000
const oneMs = 10_000
const perFamily = 2

/** Address after address until one answers. Never rejects. */
export async function askOverHttps(deps: HttpsDeps, asked: HttpsRequest): Promise<Result<HttpsAnswer, HttpsCode>> {
  const addresses = await addressesOf(deps, asked.host)
  const deadline = deps.clock.now() + allMs
  let last: Result<HttpsAnswer, HttpsCode> = fail('NO_ADDRESS', 'the host has no public address')
  for (const address of addresses) {
    if (deps.clock.now() >= deadline || asked.signal?.aborted === true) break
    const limit = new AbortController()
    const alarm = deps.clock.at(Math.min(deps.clock.now() + oneMs, deadline), () => limit.abort())
    const signal = asked.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, asked.signal])
    last = await askOne(deps, asked, address, signal).finally(() => alarm.cancel())
    if (last.ok) return last
  }
  return last
}

async function addressesOf({ resolver, allowPrivateTargets }: HttpsDeps, host: string): Promise<string[]> {
  const answers = await Promise.all([resolver.aaaa(host), resolver.a(host)])
  const allowed = answers.map((answer) =>
    (answer.kind === 'found' ? answer.value : []).filter((address) => allowPrivateTargets || isPublicAddress(address)).slice(0, perFamily),
  )
  return allowed.flat()
}

function askOne(
  { port = 443, ca }: HttpsDeps,
  { host, path, content, maxBytes }: HttpsRequest,
  address: string,
  signal: AbortSignal,
): Promise<Result<HttpsAnswer, HttpsCode>> {
  const { promise, resolve } = Promise.withResolvers<Result<HttpsAnswer, HttpsCode>>()
  const asking = request({
    host: address,
    port,
    path,
    method: content === null ? 'GET' : 'POST',
    servername: host,
    headers: { Host: host, ...(content && { 'Content-Type': content.type, 'Content-Length': content.bytes.length }) },
    agent: false,
    signal,
    ...(ca !== undefined && { ca }),
    // A name in the subject is not enough (RFC 8461 §3.3, RFC 9525 §2).
    checkServerIdentity: (_, certificate) => (certificate.subjectaltname === undefined ? noName() : checkServerIdentity(host, certificate)),
  })
  const end = (result: Result<HttpsAnswer, HttpsCode>): void => {
    resolve(result)
    asking.destroy()
  }
  asking.on('error', (error) => end(fail(isOfCertificate(error) ? 'CERTIFICATE' : 'FAILED', wordsOf(error))))
  asking.on('response', (response) => {
    const pieces: Buffer[] = []
    let size = 0
    response.on('data', (piece: Buffer) => {
      size += piece.length
      if (size > maxBytes) return end(fail('FAILED', 'the answer is too long'))
      pieces.push(piece)
    })
    response.on('error', (error) => end(fail('FAILED', wordsOf(error))))
    response.on('aborted', () => end(fail('FAILED', 'the answer was cut off')))
    response.on('end', () => {
      const { statusCode = 0, headers } = response
      end(ok({ status: statusCode, contentType: headers['content-type'] ?? '', body: Buffer.concat(pieces) }))
    })
  })
  asking.end(content?.bytes)
  return promise
}

const noName = (): Error => Object.assign(new Error('The certificate has no DNS name'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })

/** OpenSSL's words, as Node hands them on: CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_VERIFY_LEAF_SIGNATURE, … */
const isOfCertificate = ({ code = '' }: Error & { code?: string }): boolean => /CERT|VERIFY/.test(code)

const wordsOf = (error: Error & { code?: string }): string => (error.name === 'AbortError' ? 'time is up' : (error.code ?? 'no answer'))
