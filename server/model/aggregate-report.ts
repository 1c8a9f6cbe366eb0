/** What other mail systems saw of a domain's mail in a stretch of time. Each text in it was written by a stranger: one printable line, bounded. */

/** One row of a DMARC aggregate report (RFC 9990, RFC 7489): what one source sent in the domain's name. `dkim`, `spf`: passed and aligned. */
export type DmarcRow = {
  sourceIp: string
  count: number
  disposition: 'none' | 'quarantine' | 'reject'
  dkim: 'pass' | 'fail'
  spf: 'pass' | 'fail'
  headerFrom: string
}

/** Times: epoch ms. `domain` is where the policy was found. `messages` and `passed` count all rows, also those beyond the ones that are kept. */
export type DmarcReport = {
  kind: 'dmarc'
  organization: string
  reportId: string
  domain: string
  beginAt: number
  endAt: number
  policy: string
  messages: number
  passed: number
  rows: readonly DmarcRow[]
  /** rows that were left out because there were too many */
  omitted: number
}

/** One kind of failure in a TLS report (RFC 8460 §4.3, §4.4). */
export type TlsFailure = { resultType: string; sendingMtaIp: string | null; receivingMx: string | null; count: number }

/** What one sender met about one domain (RFC 8460): sessions by outcome. */
export type TlsReport = {
  kind: 'tls'
  organization: string
  reportId: string
  domain: string
  beginAt: number
  endAt: number
  /** such as sts, tlsa, no-policy-found; several with a comma */
  policyType: string
  successes: number
  failures: number
  details: readonly TlsFailure[]
  omitted: number
}
