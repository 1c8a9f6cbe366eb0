/** What the DNS can be asked here, and what it can say. */

/** `exchange` without a trailing dot; '' is the root, as in a null MX (RFC 7505 §3). */
export type MxRecord = { priority: number; exchange: string }
/** RFC 6698 §2.1. `data`: the certificate, its key, or a digest of one, as lower-case hexadecimal digits. */
export type TlsaRecord = { usage: number; selector: number; matchingType: number; data: string }
/** What one record of each type looks like. A TXT record is its character-strings, one character per octet, to be joined (RFC 1035 §3.3.14). */
export type Records = { A: string; AAAA: string; MX: MxRecord; TXT: string[]; PTR: string; CNAME: string; TLSA: TlsaRecord }
export type RrType = keyof Records

/** `found` has at least one record. `failed` is temporary; its reason is an error code of node:dns such as ESERVFAIL or ETIMEOUT. */
export type DnsAnswer<T> = { kind: 'found'; value: T } | { kind: 'no-data' } | { kind: 'no-domain' } | { kind: 'failed'; reason: string }

/** An answer that others share: look, do not touch.
 *  `validUntil` (epoch ms): from then on it has to be asked for anew; 0 when it is not to be kept at all.
 *  `authenticated`: the server said that DNSSEC proves it (the AD bit, RFC 6840 §5.8), which is worth as much as the way to that server. */
export type Timed<T extends RrType> = { answer: DnsAnswer<Records[T][]>; validUntil: number; authenticated: boolean }

/** Takes a name in small letters without a final dot. Never rejects. */
export type Lookup = <T extends RrType>(name: string, rrtype: T) => Promise<Timed<T>>

/** Names may end in a dot. Nothing here throws or rejects. What a promise gives is the caller's own, except that of `timed`. */
export type Resolver = {
  mx(name: string): Promise<DnsAnswer<MxRecord[]>>
  a(name: string): Promise<DnsAnswer<string[]>>
  aaaa(name: string): Promise<DnsAnswer<string[]>>
  txt(name: string): Promise<DnsAnswer<string[][]>>
  /** Takes an IP address. */
  ptr(ip: string): Promise<DnsAnswer<string[]>>
  raw<T extends RrType>(name: string, rrtype: T): Promise<DnsAnswer<Records[T][]>>
  /** The same with how long it holds, for a cache elsewhere. */
  timed<T extends RrType>(name: string, rrtype: T): Promise<Timed<T>>
}
