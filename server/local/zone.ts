/** Local mode's whole world of names: the demo domain with its keys, and the stranger's domain the sample letters come from. Everything is on loopback. */

export const demoDomain = 'agents.test'
export const strangerDomain = 'remote.test'

/** One name's records in the shape `createZoneResolver` takes. */
type Records = { MX?: { exchange: string; priority: number }[]; A?: string[]; TXT?: string[] }

/** @param dkim the TXT values of the demo domain's DKIM keys, by selector */
export const localZone = (dkim: readonly { selector: string; value: string }[]): Record<string, Records> => ({
  [demoDomain]: { MX: [{ exchange: `mx.${demoDomain}`, priority: 10 }], TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  [`mx.${demoDomain}`]: { A: ['127.0.0.1'] },
  [`_dmarc.${demoDomain}`]: { TXT: ['v=DMARC1; p=reject'] },
  ...Object.fromEntries(dkim.map((key) => [`${key.selector}._domainkey.${demoDomain}`, { TXT: [key.value] }])),
  [strangerDomain]: { MX: [{ exchange: `mx.${strangerDomain}`, priority: 10 }], TXT: ['v=spf1 ip4:127.0.0.1 -all'] },
  [`mx.${strangerDomain}`]: { A: ['127.0.0.1'] },
  [`_dmarc.${strangerDomain}`]: { TXT: ['v=DMARC1; p=reject'] },
})
