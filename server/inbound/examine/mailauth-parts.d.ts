// The parts of mailauth that its front door (`authenticate`) is made of, as far as they are used here. The package types its front door only.

declare module 'mailauth/lib/dkim/dkim-verifier.js' {
  import type { ARCData, DKIMVerifyOptions, DKIMVerifyResult } from 'mailauth'
  import type { HeaderRows, KeyCache } from 'mailauth/lib/tools.js'

  type BodyHash = { update(bytes: Uint8Array): void }
  type SignatureHeader = { type: 'DKIM' | 'ARC'; bodyHashKey?: string; fallbackBodyHashKey?: string }
  export class DkimVerifier {
    constructor(options: DKIMVerifyOptions)
    keyCache: KeyCache
    byteLength: number
    headers: HeaderRows
    headerFrom: string[]
    fromFields: number
    results: DKIMVerifyResult['results']
    signatureHeaders: SignatureHeader[]
    bodyHashes: Map<string, BodyHash>
    arc: ARCData & { chain: unknown }
    messageHeaders(headers: DkimVerifier['headers']): Promise<void>
    nextChunk(bytes: Uint8Array): Promise<void>
    finalChunk(): Promise<void>
  }
}

declare module 'mailauth/lib/tools.js' {
  import type { DNSResolver } from 'mailauth'

  export type HeaderRows = { parsed: { key: string; casedKey: string; line: Buffer }[]; original: Buffer }
  type KeyType = 'DKIM' | 'ARC' | 'AS'
  type KeyOptions = { strict?: boolean; hashAlgo?: string }
  export type PublicKey = { publicKey: unknown; rr: string; modulusLength?: number }
  export type KeyCache = {
    resolver: DNSResolver
    get(type: KeyType, name: string, minBits?: number, options?: KeyOptions): Promise<PublicKey>
  }
  export function getPublicKey(
    type: KeyType,
    name: string,
    minBits: number | undefined,
    resolver: DNSResolver,
    options?: KeyOptions,
  ): Promise<PublicKey>
  export function parseHeaders(header: Buffer): HeaderRows
  export function getAlignment(fromDomain: string, domains: string[], strict?: boolean): { domain: string } | false
  export function formatDomain(domain: string): string
  export function toALabel(name: string): string
}

declare module 'mailauth/lib/dmarc/index.js' {
  import type { AuthenticateResult, ARCResult, DMARCResult, DNSResolver } from 'mailauth'

  export function evaluateDmarc(options: {
    headerFrom: string[]
    fromFields: number
    spfDomains: string[]
    dkimDomains: { [name in 'id' | 'domain' | 'aligned' | 'underSized']: unknown }[]
    arcResult: ARCResult | undefined
    resolver: DNSResolver
  }): Promise<{ response: DMARCResult | false; dkimAligned?: Set<string>; reason?: AuthenticateResult['dmarcSkipReason'] }>
}

declare module 'mailauth/lib/spf/index.js' {
  export { spf } from 'mailauth'
}

declare module 'mailauth/lib/arc/index.js' {
  export { arc } from 'mailauth'
}
