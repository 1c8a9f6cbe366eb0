// @ts-check
/**
 * What the page at /verify finds out about a message, in the browser of whoever got it: runs there as it is, and in tests.
 *
 * Promise: everything pasted is a stranger's and stays here. Nothing is taken for checked that was not: a token by itself says who signed some
 * message, not which one.
 *
 * Texts are octets, one in each character, so that a message of any encoding can be hashed.
 */

/** @typedef {{ kid?: unknown, kty?: unknown, crv?: unknown, x?: unknown, y?: unknown }} PublishedKey */
/** @typedef {{ ok: boolean | null, text: string }} Finding `ok` null: it could not be checked */
/** @typedef {{ verdict: 'signed' | 'this-message' | 'bad', findings: Finding[], claims: [name: string, value: string][] }} Report */
/** @typedef {{ name: string, value: string }} Field */

const longestToken = 9 * 1024
const tokenShape = /^([\w-]{2,8192})\.([\w-]{86})$/

/** @param {Uint8Array} bytes */
export function octetsOf(bytes) {
  let text = ''
  // So many arguments a call may have everywhere.
  const most = 0x80_00
  for (let at = 0; at < bytes.length; at += most) text += String.fromCharCode(...bytes.subarray(at, at + most))
  return text
}

/** @param {string} octets */
export const bytesOf = (octets) => Uint8Array.from(octets, (character) => character.charCodeAt(0))

/** Header and body (RFC 5322 §2.1), with whatever line ends they were saved with. `body` null: there is no empty line.
 *  @param {string} octets
 *  @returns {{ fields: Field[], body: string | null }} */
export function readMessage(octets) {
  const lines = octets.split(/\r?\n/)
  const end = lines.indexOf('')
  /** @type {Field[]} */
  const fields = []
  for (const line of end < 0 ? lines : lines.slice(0, end)) {
    const last = fields.at(-1)
    const colon = line.indexOf(':')
    if (/^[ \t]/.test(line) && last !== undefined) last.value += line
    else if (colon > 0) fields.push({ name: line.slice(0, colon).trim().toLowerCase(), value: line.slice(colon + 1) })
  }
  // What is pasted often ends in a line end.
  const body = end < 0 || (fields.length < 2 && lines.slice(end).every((line) => line === '')) ? null : lines.slice(end + 1).join('\r\n')
  return { fields: fields.map(({ name, value }) => ({ name, value: value.trim() })), body }
}

/** The relaxed form of a body (RFC 6376 §3.4.4), the lines of which end in CRLF. @param {string} body */
export function relaxedBody(body) {
  const lines = body.split('\r\n').map((line) => line.replaceAll(/[ \t]+/g, ' ').replace(/ $/, ''))
  while (lines.at(-1) === '') lines.pop()
  return lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`
}

/** @param {string} body */
export async function bodyHash(body) {
  const digest = await crypto.subtle.digest('SHA-256', bytesOf(relaxedBody(body)))
  return btoa(octetsOf(new Uint8Array(digest)))
}

/** @param {string} text */
const fromBase64url = (text) => bytesOf(atob(text.replaceAll('-', '+').replaceAll('_', '/')))

/** @param {string} text @returns {{ signed: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer>, claims: Record<string, unknown> } | null} */
export function readToken(text) {
  const token = text.replaceAll(/\s/g, '')
  const [, body = '', end = ''] = (token.length > longestToken ? null : tokenShape.exec(token)) ?? []
  if (end === '') return null
  try {
    const signed = fromBase64url(body)
    const claims = /** @type {unknown} */ (JSON.parse(new TextDecoder().decode(signed)))
    if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return null
    return { signed, signature: fromBase64url(end), claims: /** @type {Record<string, unknown>} */ (claims) }
  } catch {
    return null
  }
}

/** @param {{ signed: Uint8Array<ArrayBuffer>, signature: Uint8Array<ArrayBuffer> }} token @param {PublishedKey} key */
async function isSignedBy({ signed, signature }, { kty, crv, x, y }) {
  try {
    const key = await crypto.subtle.importKey(
      'jwk',
      /** @type {import('node:crypto').JsonWebKey} */ ({ kty, crv, x, y }),
      { name: 'ECDSA', namedCurve: 'P-256' },
      false,
      ['verify'],
    )
    return await crypto.subtle.verify({ name: 'ECDSA', hash: 'SHA-256' }, key, signature, signed)
  } catch {
    return false
  }
}

/** @param {string} text @returns {Report} */
const bad = (text) => ({ verdict: 'bad', findings: [{ ok: false, text }], claims: [] })

/**
 * @param {string} pasted a token, the header field with it, a header, or a whole message
 * @param {{ origin: string, keys: readonly PublishedKey[] }} issuer whose page this is, and what it publishes
 * @returns {Promise<Report>}
 */
export async function check(pasted, { origin, keys }) {
  const text = pasted.trimStart()
  const { fields, body } = readMessage(text)
  const tokens = fields.filter(({ name }) => name === 'x-multimail-identity')
  if (tokens.length > 1) return bad('There are several X-MultiMail-Identity fields, so programs could disagree about which of them counts.')
  const token = readToken(tokens[0]?.value ?? text)
  if (token === null) return bad('There is no readable X-MultiMail-Identity in it.')
  const { claims } = token
  const issuer = URL.parse(String(claims['iss']))?.origin
  if (issuer !== new URL(origin).origin)
    return bad(`It says that it is from another installation, ${String(claims['iss']).slice(0, 300)}. Only that one can say whether it is.`)
  const key = keys.find(({ kid }) => kid === claims['kid'])
  if (key === undefined) return bad('It was signed with a key that this installation does not publish: it is old, or was not made here.')
  if (!(await isSignedBy(token, key))) return bad('The signature is wrong: these claims were changed, or were not made here.')
  const findings = [
    { ok: true, text: `${new URL(origin).host} signed these claims, and nobody has changed them since.` },
    aboutId(fields, claims['mid']),
    aboutAuthor(fields, claims['mailbox']),
    await aboutBody(body, claims['bh']),
  ]
  const isBad = findings.some(({ ok }) => ok === false)
  const isWhole = findings.every(({ ok }) => ok === true)
  return { verdict: isBad ? 'bad' : isWhole ? 'this-message' : 'signed', findings, claims: shown(claims) }
}

/** @param {Field[]} fields @param {unknown} mid @returns {Finding} */
function aboutId(fields, mid) {
  const ids = fields.filter(({ name }) => name === 'message-id')
  if (ids.length === 0)
    return { ok: null, text: 'Whether they are about your message: compare its Message-ID with “mid”, or paste the whole message.' }
  return ids.length === 1 && ids[0]?.value === mid
    ? { ok: true, text: 'They are about the message with this Message-ID.' }
    : { ok: false, text: 'They are about another message: its Message-ID is not the one that was signed.' }
}

/** @param {Field[]} fields @param {unknown} mailbox @returns {Finding} */
function aboutAuthor(fields, mailbox) {
  const authors = fields.filter(({ name }) => name === 'from')
  if (authors.length === 0) return { ok: null, text: 'Whether the author is the one that was signed: compare From with “mailbox”.' }
  const value = authors[0]?.value ?? ''
  const address = /<([^<>]*)>$/.exec(value)?.[1] ?? value
  return authors.length === 1 && address.toLowerCase() === String(mailbox).toLowerCase()
    ? { ok: true, text: 'Its author is the mailbox that was signed.' }
    : { ok: false, text: 'Its author is not the mailbox that was signed.' }
}

/** @param {string | null} body @param {unknown} hash @returns {Promise<Finding>} */
async function aboutBody(body, hash) {
  if (body === null) return { ok: null, text: 'Whether the text is as it was sent: that takes the whole message, as its program saves it.' }
  return (await bodyHash(body)) === hash
    ? { ok: true, text: 'Its text and attachments are as they were sent.' }
    : { ok: false, text: 'Its text is not what was sent, or the message was changed on the way or when it was saved.' }
}

/** @param {Record<string, unknown>} claims @returns {[string, string][]} */
const shown = (claims) =>
  Object.entries(claims)
    .slice(0, 40)
    .map(([name, value]) => [name.slice(0, 100), (typeof value === 'string' ? value : JSON.stringify(value)).slice(0, 1000)])
