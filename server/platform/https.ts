/**
 * One HTTPS request to a host that a stranger names: addresses by our own resolver, looked at before anything is dialled, and what was looked at is
 * what is dialled; the certificate verified for the name; no redirects; what comes back bounded in size and time.
 */
import { type IncomingMessage, request as plainRequest } from 'node:http'
import { type RequestOptions, request } from 'node:https'
import { isIP } from 'node:net'
import { checkServerIdentity } from 'node:tls'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from './clock.ts'
import { isPublicAddress } from './public-address.ts'

type Addresses = { kind: 'found'; value: readonly string[] } | { kind: 'no-data' | 'no-domain' | 'failed' }

export type HttpsDeps = {
  resolver: { a(name: string): Promise<Addresses>; aaaa(name: string): Promise<Addresses> }
  clock: Clock
  allowPrivateTargets: boolean
  /** instead of 443, and of the authorities everybody knows: for tests */
  port?: number
  ca?: string
}

export type HttpsRequest = {
  /** a name, or an IP address without brackets */
  host: string
  /** with its query */
  path: string
  /** null asks with GET, content with POST */
  content: { type: string; bytes: Buffer } | null
  /** of the answer's body; what is longer is a failure, or with `cut` ends there */
  maxBytes: number
  cut?: boolean
  /** where the address of it names one */
  port?: number
  /** without TLS: for development only */
  plain?: boolean
  headers?: Readonly<Record<string, string>>
  within?: Within
  /** an abort ends it soon */
  signal?: AbortSignal
}
/** How long all of it may take, one address of it, and until that address is connected with. */
export type Within = { allMs: number; oneMs: number; connectMs: number }
export type HttpsAnswer = { status: number; contentType: string; retryAfter: string; body: Buffer }
/** `CERTIFICATE`: somebody answered, who is not the host. */
export type HttpsCode = 'NO_ADDRESS' | 'CERTIFICATE' | 'FAILED'

// RFC 8461 §3.3 suggests a minute for all; mail waits for this.
const usual: Within = { allMs: 30_000, oneMs: 10_000, connectMs: 10_000 }
const perFamily = 2

/** `sent`: it was connected, so the host may have taken what we brought. */
type Tried = { result: Result<HttpsAnswer, HttpsCode>; sent: boolean }

/** Address after address until one answers, or may have taken what we brought. Never rejects. */
export async function askOverHttps(deps: HttpsDeps, asked: HttpsRequest): Promise<Result<HttpsAnswer, HttpsCode>> {
  const { allMs, oneMs } = asked.within ?? usual
  const deadline = deps.clock.now() + allMs
  const addresses = await addressesOf(deps, asked.host)
  let last: Result<HttpsAnswer, HttpsCode> = fail('NO_ADDRESS', 'the host has no public address')
  for (const address of addresses) {
    if (asked.signal?.aborted === true) break
    if (deps.clock.now() >= deadline) return fail('FAILED', timeIsUp)
    const limit = new AbortController()
    const alarm = deps.clock.at(Math.min(deps.clock.now() + oneMs, deadline), () => limit.abort())
    const signal = asked.signal === undefined ? limit.signal : AbortSignal.any([limit.signal, asked.signal])
    const { result, sent } = await askOne(deps, asked, address, signal).finally(() => alarm.cancel())
    last = result
    if (last.ok || (sent && asked.content !== null)) return last
  }
  return last
}

async function addressesOf({ resolver, allowPrivateTargets }: HttpsDeps, host: string): Promise<string[]> {
  const isAllowed = (address: string): boolean => allowPrivateTargets || isPublicAddress(address)
  if (isIP(host) !== 0) return [host].filter(isAllowed)
  // RFC 6761 §6.3: this machine, whatever the DNS says.
  if (host === 'localhost') return ['127.0.0.1', '::1'].filter(isAllowed)
  const answers = await Promise.all([resolver.aaaa(host), resolver.a(host)])
  return answers.flatMap((answer) => (answer.kind === 'found' ? answer.value : []).filter(isAllowed).slice(0, perFamily))
}

function askOne(deps: HttpsDeps, asked: HttpsRequest, address: string, signal: AbortSignal): Promise<Tried> {
  const { promise, resolve } = Promise.withResolvers<Tried>()
  const { content, plain = false, within = usual } = asked
  let sent = false
  const asking = (plain ? plainRequest : request)({ ...optionsOf(deps, asked, address), signal })
  const patience = deps.clock.at(deps.clock.now() + within.connectMs, () => asking.destroy(new Error(timeIsUp)))
  const end = (result: Result<HttpsAnswer, HttpsCode>): void => {
    patience.cancel()
    resolve({ result, sent })
    asking.destroy()
  }
  asking.on('socket', (socket) =>
    socket.once(plain ? 'connect' : 'secureConnect', () => {
      sent = true
      patience.cancel()
    }),
  )
  let soFar: (() => Result<HttpsAnswer, HttpsCode>) | null = null
  // Who wanted only the beginning has what there is of it.
  const broken = (error: Error): void => end(asked.cut === true && soFar !== null ? soFar() : failureOf(error))
  asking.on('error', broken)
  asking.on('response', (response) => {
    soFar = readAnswer(response, asked, end)
    response.on('error', broken)
    response.on('aborted', () => broken(new Error('the answer was cut off')))
  })
  asking.end(content?.bytes)
  return promise
}

const optionsOf = ({ port = 443, ca }: HttpsDeps, asked: HttpsRequest, address: string): RequestOptions => {
  const { host, path, content, headers } = asked
  const name = host.includes(':') ? `[${host}]` : host
  return {
    host: address,
    port: asked.port ?? port,
    path,
    method: content === null ? 'GET' : 'POST',
    // RFC 6066 §3: an address is no server name.
    ...(isIP(host) === 0 && { servername: host }),
    headers: {
      Host: asked.port === undefined ? name : `${name}:${asked.port}`,
      ...(content && { 'Content-Type': content.type, 'Content-Length': content.bytes.length }),
      ...headers,
    },
    agent: false,
    ...(ca !== undefined && { ca }),
    // A name in the subject is not enough (RFC 8461 §3.3, RFC 9525 §2).
    checkServerIdentity: (_, certificate) => (certificate.subjectaltname === undefined ? noName() : checkServerIdentity(host, certificate)),
  }
}

/** Reads until the end, or for as long as is wanted. @returns what has come by the time it is called */
function readAnswer(
  response: IncomingMessage,
  { maxBytes, cut = false }: HttpsRequest,
  end: (result: Result<HttpsAnswer, HttpsCode>) => void,
) {
  const pieces: Buffer[] = []
  let size = 0
  const { statusCode = 0, headers } = response
  const said = { status: statusCode, contentType: headers['content-type'] ?? '', retryAfter: headers['retry-after'] ?? '' }
  const soFar = () => ok({ ...said, body: Buffer.concat(pieces).subarray(0, maxBytes) })
  response.on('data', (piece: Buffer) => {
    size += piece.length
    pieces.push(piece)
    if (size > maxBytes) end(cut ? soFar() : fail('FAILED', 'the answer is too long'))
  })
  response.on('end', () => end(soFar()))
  return soFar
}

const failureOf = (error: Error) => fail(isOfCertificate(error) ? 'CERTIFICATE' : 'FAILED', wordsOf(error))

const timeIsUp = 'time is up'
const noName = (): Error => Object.assign(new Error('The certificate has no DNS name'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' })

/** OpenSSL's words, as Node hands them on: CERT_HAS_EXPIRED, DEPTH_ZERO_SELF_SIGNED_CERT, UNABLE_TO_VERIFY_LEAF_SIGNATURE, … */
const isOfCertificate = ({ code = '' }: Error & { code?: string }): boolean => /CERT|VERIFY/.test(code)

const wordsOf = (error: Error & { code?: string }): string =>
  error.name === 'AbortError' || error.message === timeIsUp ? timeIsUp : (error.code ?? 'no answer')
