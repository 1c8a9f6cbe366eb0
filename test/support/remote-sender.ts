import { type KeyObject, generateKeyPairSync } from 'node:crypto'
import { dkimSign, sealMessage } from 'mailauth'
import type { Zone } from '../../dns/resolver.ts'

/** A domain elsewhere whose mail comes from loopback and is signed. */
export type RemoteSender = {
  domain: string
  /** Its names: SPF for loopback, its keys, and the DMARC policy. */
  zone: Zone
  /** The message with a DKIM-Signature in front. */
  sign(message: string, options?: SignOptions): Promise<Buffer>
  /** The message with a first ARC set in front (RFC 8617), as a forwarder adds one. @param found what it says to have verified */
  seal(message: string, found?: string): Promise<Buffer>
}
type SignOptions = { headerList?: string[]; maxBodyLength?: number; signatures?: number }

const selector = 'test'
// Making a key takes a while, and no test needs one of its own.
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

/** @param options.dmarc the policy, or null for no record; @param options.spf the mechanisms before `-all` */
export function createRemoteSender(options: { domain?: string; dmarc?: string | null; spf?: string } = {}): RemoteSender {
  const { domain = 'remote.test', dmarc = 'p=reject', spf = 'ip4:127.0.0.1' } = options
  return {
    domain,
    zone: {
      [domain]: { TXT: [`v=spf1 ${spf} -all`] },
      [`out.${domain}`]: { TXT: [`v=spf1 ${spf} -all`] },
      [`${selector}._domainkey.${domain}`]: { TXT: [`v=DKIM1; k=rsa; p=${publicKeyText(rsa.publicKey)}`] },
      ...(dmarc === null ? {} : { [`_dmarc.${domain}`]: { TXT: [`v=DMARC1; ${dmarc}`] } }),
    },
    async sign(message, more = {}) {
      const one = {
        signingDomain: domain,
        selector,
        privateKey,
        ...(more.headerList ? { headerList: more.headerList } : {}),
        ...(more.maxBodyLength === undefined ? {} : { maxBodyLength: more.maxBodyLength }),
      }
      const { signatures, errors } = await dkimSign(message, {
        ...one,
        canonicalization: 'relaxed/relaxed',
        signatureData: Array.from({ length: more.signatures ?? 1 }, () => one),
      })
      if (errors.length > 0) throw new Error(String(errors[0]?.err))
      return Buffer.from(signatures + message)
    },
    async seal(message, found = 'spf=pass') {
      const headers = await sealMessage(message, {
        signingDomain: domain,
        selector,
        privateKey,
        cv: 'none',
        authResults: `mx.${domain}; ${found}`,
      })
      return Buffer.concat([headers, Buffer.from(message)])
    },
  }
}

/** The private key every domain here signs with. */
const privateKey = rsa.privateKey.export({ type: 'pkcs8', format: 'pem' })

const publicKeyText = (key: KeyObject): string => key.export({ type: 'spki', format: 'der' }).toString('base64')

/** A letter with CRLF line ends; a field that is given replaces ours, null leaves it out. */
export function letter(fields: Record<string, string | null> = {}, body = 'Hello.\r\n'): string {
  const all: Record<string, string | null> = {
    From: 'Bo <bo@remote.test>',
    To: 'ann@ours.test',
    Subject: 'Lunch',
    Date: 'Mon, 23 Nov 2026 10:00:00 +0000',
    'Message-ID': '<1@remote.test>',
    ...fields,
  }
  const header = Object.entries(all).flatMap(([name, value]) => (value === null ? [] : `${name}: ${value}\r\n`))
  return `${header.join('')}\r\n${body}`
}
