import { isIPv4 } from 'node:net'
import type { DomainName } from './name.ts'
import type { MxRecord } from './answer.ts'
import { reverseName } from './asked-name.ts'

/** What a record is for. Several may have one purpose, such as one DKIM record per key. */
export type Purpose = 'mx' | 'host' | 'host-spf' | 'spf' | 'dkim' | 'dmarc' | 'reverse'

/** A record an operator has to publish. `value` is its content as one text (`10 mail.example.com`, a joined TXT, an address); null when
 *  only the operator knows it. `where` says who publishes it: the DNS zone of the domain, or whoever gave the address. */
export type WantedRecord = {
  purpose: Purpose
  name: string
  type: 'MX' | 'A' | 'AAAA' | 'TXT' | 'PTR'
  value: string | null
  where: 'zone' | 'provider'
  why: string
}

/** @property publicKey base64, as in the p= tag
 *  @property use of a key that does not sign at present */
export type DkimPublicKey = { selector: string; algorithm: 'rsa-sha256' | 'ed25519-sha256'; publicKey: string; use?: DkimUse }

/** Times: epoch ms. A retired key's record is needed until `keepUntil`, and not asked for any more from `goneFrom` on. */
export type DkimUse = { kind: 'next'; from: number } | { kind: 'retired'; keepUntil: number; goneFrom: number }

/** @property addresses the public IP addresses of the server; [] when not known here
 *  @property reportsTo where DMARC aggregate reports go; null for nowhere */
export type DomainSetup = {
  domain: DomainName
  hostname: DomainName
  addresses: readonly string[]
  dkim: readonly DkimPublicKey[]
  reportsTo: string | null
}

const mxPriority = 10

/** Everything that makes mail for `domain` arrive here, and mail from here believed elsewhere. */
export const recordsToPublish = (setup: DomainSetup): WantedRecord[] => [
  ...hostRecords(setup),
  mxRecord(setup),
  ...spfRecords(setup),
  ...setup.dkim.map((key) => dkimRecord(setup.domain, key)),
  dmarcRecord(setup),
  ...reverseRecords(setup),
]

export const mxText = (record: MxRecord): string => `${record.priority} ${record.exchange}`

const mxRecord = ({ domain, hostname }: DomainSetup): WantedRecord => ({
  purpose: 'mx',
  name: domain,
  type: 'MX',
  value: mxText({ priority: mxPriority, exchange: hostname }),
  where: 'zone',
  why: 'tells other mail servers to deliver mail for the domain here',
})

function hostRecords({ hostname, addresses }: DomainSetup): WantedRecord[] {
  const record = (value: string | null): WantedRecord => ({
    purpose: 'host',
    name: hostname,
    type: value === null || isIPv4(value) ? 'A' : 'AAAA',
    value,
    where: 'zone',
    why: 'the public address of this server (AAAA for IPv6)',
  })
  return addresses.length === 0 ? [record(null)] : addresses.map(record)
}

/** The second one covers bounces, which have no sender: SPF then looks at the name in the greeting (RFC 7208 §2.4). */
function spfRecords({ domain, hostname }: DomainSetup): WantedRecord[] {
  const common = { type: 'TXT', where: 'zone' } as const
  const own: WantedRecord = {
    ...common,
    purpose: 'spf',
    name: domain,
    value: 'v=spf1 mx -all',
    why: 'only the hosts of the MX records may send for the domain',
  }
  if (hostname === domain) return [own]
  return [
    own,
    {
      ...common,
      purpose: 'host-spf',
      name: hostname,
      value: 'v=spf1 a -all',
      why: 'the same for bounces, which go out in the name of the host',
    },
  ]
}

/** RFC 6376 §3.6.1, RFC 8463 §4. */
export const dkimRecord = (domain: DomainName, key: DkimPublicKey): WantedRecord => ({
  purpose: 'dkim',
  name: `${key.selector}._domainkey.${domain}`,
  type: 'TXT',
  value: dkimText(key),
  where: 'zone',
  why: whyDkim(key.use),
})

function whyDkim(use: DkimUse | undefined): string {
  if (use === undefined) return 'the key with which others verify our signatures'
  if (use.kind === 'next') return `publish now, used from ${dateOf(use.from)} on: the key that takes over then, if the DNS shows it`
  return `not used any more; keep it until ${dateOf(use.keepUntil)} for mail that is still on its way, and remove it by ${dateOf(use.goneFrom)}`
}

const dateOf = (time: number): string => new Date(time).toISOString().slice(0, 10)

export const dkimText = ({ algorithm, publicKey }: DkimPublicKey): string =>
  `v=DKIM1; k=${algorithm === 'rsa-sha256' ? 'rsa' : 'ed25519'}; p=${publicKey}`

/** Begins with p=none: it observes. An operator raises it once the reports show that all good mail passes (RFC 9989). */
const dmarcRecord = ({ domain, reportsTo }: DomainSetup): WantedRecord => ({
  purpose: 'dmarc',
  name: `_dmarc.${domain}`,
  type: 'TXT',
  value: `v=DMARC1; p=none${reportsTo === null ? '' : `; rua=mailto:${reportsTo}`}`,
  where: 'zone',
  why: 'what others do with mail that only pretends to be yours; raise p to quarantine, then reject, once your own mail passes',
})

const reverseRecords = ({ hostname, addresses }: DomainSetup): WantedRecord[] =>
  (addresses.length === 0 ? [null] : addresses).map((address) => ({
    purpose: 'reverse',
    name: (address === null ? null : reverseName(address)) ?? 'the address of this server',
    type: 'PTR',
    value: hostname,
    where: 'provider',
    why: 'the name of the address, set where you rent the server; many mail servers refuse mail from addresses without it',
  }))

// A character-string of a TXT record holds 255 octets (RFC 1035 §3.3.14); readers join them.
const maxString = 255
// Short while things are being set up: a mistake is forgotten in five minutes.
const ttlSeconds = 300

/** The records as lines of a zone file (RFC 1035 §5.1), each under a comment; what cannot stand in the zone is a comment only. */
export const zoneFileText = (records: readonly WantedRecord[]): string =>
  records.map((record) => `; ${record.why}\n${zoneLine(record)}`).join('\n')

function zoneLine(record: WantedRecord): string {
  const line = (name: string, value: string) => `${name} ${ttlSeconds} IN ${record.type} ${value}`
  if (record.where === 'provider') return `; ${record.name}: PTR ${record.value ?? ''}`
  return record.value === null
    ? `; ${line(`${record.name}.`, '(the public address)')}`
    : line(`${record.name}.`, zoneValue(record.type, record.value))
}

function zoneValue(type: WantedRecord['type'], value: string): string {
  if (type === 'TXT') return characterStrings(value).map(quote).join(' ')
  return type === 'A' || type === 'AAAA' ? value : `${value}.`
}

/** A text in pieces of at most 255 octets. All our texts are US-ASCII. */
export const characterStrings = (text: string): string[] => text.match(new RegExp(`.{1,${maxString}}`, 'gs')) ?? ['']

const quote = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`
