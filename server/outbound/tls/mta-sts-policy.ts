/**
 * What a domain says about TLS to its mail hosts: the TXT record (RFC 8461 §3.1) and the policy file (§3.2). Pure.
 *
 * Our own, since mailauth's reader looks through all patterns so far at each `mx` line, which a file of 64 KiB can make last, and refuses a
 * `max_age` above a year, which would leave the domain without a policy. A test compares the two.
 */
import { type DomainName, parseDomainName } from '../../../dns/name.ts'

/** `none`: there was a policy, and there is none any more (§8.3). */
export type StsMode = 'enforce' | 'testing' | 'none'
/** `mx`: host names in small letters, or `*.` and the name below which one label may stand. `maxAgeMs`: how long it holds from being fetched. */
export type StsPolicy = { mode: StsMode; mx: readonly string[]; maxAgeMs: number }

const yearSeconds = 31_557_600 // §3.2, and nobody is believed for longer
const mostPatterns = 100
const mostLines = 1_000

/** The id of the one record (§3.1); null when there is none, or more than one, or it cannot be read.
 *  @param records each its character-strings, to be joined */
export function stsIdIn(records: readonly (readonly string[])[]): string | null {
  const [record, ...others] = records.map((strings) => strings.join('')).filter((text) => /^v=STSv1[ \t]*(?:;|$)/.test(text))
  if (record === undefined || others.length > 0 || record.length > 2_000) return null
  const fields = record.split(';').slice(1).map(trimmed)
  const last = fields.at(-1) === '' ? fields.slice(0, -1) : fields
  if (!last.every((field) => /^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}=[\x21-\x3a\x3c\x3e-\x7e]+$/.test(field))) return null
  const id = last.find((field) => field.startsWith('id='))?.slice(3)
  return id !== undefined && /^[A-Za-z0-9]{1,32}$/.test(id) ? id : null
}

/** Null for what is no policy. What a later version may add is passed over, and of a field that may stand only once the first counts (§3.2). */
export function parseStsPolicy(text: string): StsPolicy | null {
  const lines = text.split('\n', mostLines + 1).map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line))
  if (lines.length > mostLines) return null
  const pairs = lines.filter((line) => trimmed(line) !== '').map(pairOf)
  if (!pairs.every((pair) => pair !== null)) return null
  const first = (name: string): string | undefined => pairs.find((pair) => pair.name === name)?.value
  const mode = modes.find((one) => one === first('mode'))
  const maxAge = first('max_age') ?? ''
  if (first('version') !== 'STSv1' || mode === undefined || !/^\d{1,10}$/.test(maxAge)) return null
  const mx = [...new Set(pairs.filter((pair) => pair.name === 'mx').map((pair) => patternIn(pair.value)))]
  if (!mx.every((pattern) => pattern !== null) || mx.length > mostPatterns || (mode !== 'none' && mx.length === 0)) return null
  return { mode, mx, maxAgeMs: Math.min(Number(maxAge), yearSeconds) * 1000 }
}

const modes: readonly StsMode[] = ['enforce', 'testing', 'none']

/** Empty lines, which §3.2 does not know, were left out before: many files end in some. */
function pairOf(line: string): { name: string; value: string } | null {
  const [, name, value] = /^([A-Za-z0-9][A-Za-z0-9_.-]{0,31}):(.*)$/.exec(line) ?? []
  return name === undefined || value === undefined || /[\p{Cc}]/u.test(value.replaceAll('\t', ' ')) ? null : { name, value: trimmed(value) }
}

const trimmed = (text: string): string => text.replace(/^[ \t]+/, '').replace(/(?<![ \t])[ \t]+$/, '')

function patternIn(value: string): string | null {
  const wild = value.startsWith('*.')
  const name = /^[A-Za-z0-9.-]{0,252}[A-Za-z0-9]$/.test(wild ? value.slice(2) : value)
    ? parseDomainName(wild ? value.slice(2) : value)
    : null
  return name === null ? null : wild ? `*.${name}` : name
}

/** Whether the policy names this host: a star stands for exactly one label (§4.1). */
export const namesHost = ({ mx }: Pick<StsPolicy, 'mx'>, host: DomainName): boolean =>
  mx.includes(host) || mx.includes(`*${host.slice(Math.max(host.indexOf('.'), 0))}`)
