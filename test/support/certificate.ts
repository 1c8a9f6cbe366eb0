import { generate } from 'selfsigned'

/** A self-signed certificate for a test's server. */
export async function makeCertificate(hostname: string): Promise<{ key: string; cert: string }> {
  const made = await generate([{ name: 'commonName', value: hostname }], { keySize: 2048, algorithm: 'sha256' })
  return { key: made.private, cert: made.cert }
}
