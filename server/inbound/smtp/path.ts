/** The arguments of MAIL and RCPT: `FROM:<reverse-path> KEYWORD=value …` (RFC 5321 §4.1.1.2, §4.1.1.3). */

/** What stood between the angle brackets, without a source route, and the ESMTP parameters: keyword in capitals, null for one without value. */
export type PathArgument = { path: string; parameters: ReadonlyMap<string, string | null> }

/** `path`: no path can be found in it. `parameter`: what stands behind the path is no parameter, or one stands there twice. */
export type PathProblem = 'path' | 'parameter'

const keyword = /^[A-Z0-9][A-Z0-9-]*$/
const value = /^[^\s\p{Cc}=]+$/u
/** RFC 5321 §4.5.3.1.3 gives a path 256 octets; a source route comes on top and is thrown away. */
const maxPathLength = 1_000

/** @param word `FROM` or `TO` */
export function parsePathArgument(word: 'FROM' | 'TO', argument: string): PathArgument | PathProblem {
  const colon = argument.indexOf(':')
  if (colon < 0 || argument.slice(0, colon).trimEnd().toUpperCase() !== word) return 'path'
  const rest = argument.slice(colon + 1).trimStart()
  const end = closing(rest)
  if (end < 0 || end > maxPathLength) return 'path'
  const behind = rest.slice(end + 1)
  if (behind !== '' && !behind.startsWith(' ')) return 'path'
  const parameters = parseParameters(behind)
  return parameters === null ? 'parameter' : { path: withoutRoute(rest.slice(1, end)), parameters }
}

/** Where the bracket that opens the text is closed; a quoted local part may hold brackets of its own. -1 when it is not. */
function closing(text: string): number {
  if (!text.startsWith('<')) return -1
  let quoted = false
  for (let at = 1; at < text.length; at++) {
    const char = text[at]
    if (quoted && char === '\\') at++
    else if (char === '"') quoted = !quoted
    else if (!quoted && char === '<') return -1
    else if (!quoted && char === '>') return at
  }
  return -1
}

/** `@one,@two:ann@ours.test`: to be accepted and ignored (RFC 5321 §4.1.2, appendix C). */
function withoutRoute(path: string): string {
  const colon = path.indexOf(':')
  if (!path.startsWith('@') || colon < 0) return path
  const hops = path.slice(0, colon).split(',')
  return hops.every((hop) => /^@[^\s@:"<>]+$/.test(hop)) ? path.slice(colon + 1) : path
}

function parseParameters(text: string): Map<string, string | null> | null {
  const parameters = new Map<string, string | null>()
  for (const word of text.split(' ')) {
    if (word === '') continue
    const equals = word.indexOf('=')
    const name = (equals < 0 ? word : word.slice(0, equals)).toUpperCase()
    const given = equals < 0 ? null : word.slice(equals + 1)
    if (!keyword.test(name) || parameters.has(name) || (given !== null && !value.test(given))) return null
    parameters.set(name, given)
  }
  return parameters
}
