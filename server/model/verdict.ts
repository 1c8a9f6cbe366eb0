/** What authentication said about an arriving message, in the words of RFC 8601 §2.7. Travels with the email to every surface. */
export type SpfResult = 'pass' | 'fail' | 'softfail' | 'neutral' | 'none' | 'temperror' | 'permerror'
export type DkimResult = 'pass' | 'fail' | 'neutral' | 'none' | 'policy' | 'temperror' | 'permerror'
export type DmarcResult = 'pass' | 'fail' | 'none' | 'temperror' | 'permerror'
export type ArcResult = 'pass' | 'fail' | 'none' | 'temperror' | 'permerror'

export type AuthenticationResults = {
  spf: { result: SpfResult; domain: string | null }
  /** One per signature, in header order; empty when the message is unsigned. `signature`: the first characters of it (RFC 6008 §4), base64. */
  dkim: readonly { result: DkimResult; domain: string; selector: string; aligned: boolean; signature?: string }[]
  dmarc: { result: DmarcResult; policy: 'none' | 'quarantine' | 'reject' | null; domain: string | null }
  arc: { result: ArcResult }
}
