import { type SigningKeyDocument, type UsableKey, documentOf, serviceKey } from '../../server/outbound/identity/service-key.ts'

/** A key of some service, with what it publishes. @param secret 64 hexadecimal digits */
export function knownServiceKey(secret: string, madeAt = 0): UsableKey & { document: SigningKeyDocument } {
  const key = serviceKey(secret, madeAt)
  if (key.privateKey === null) throw new Error('it is only half a key')
  return { ...key, privateKey: key.privateKey, document: documentOf(key, []) }
}
