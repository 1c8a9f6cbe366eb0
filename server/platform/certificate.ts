import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** PEM texts. */
export type Certificate = { key: string; cert: string }
export type CertificateOptions = { dataDir: string; hostname: string; certFile: string | null; keyFile: string | null }

// Nobody judges it by its dates; an appliance that was asleep for a year should still encrypt.
const notBeforeDate = new Date('2020-01-01T00:00:00Z')
const notAfterDate = new Date('2049-12-31T00:00:00Z')

/** The operator's certificate when both files are named. Otherwise one of our own making, kept in `dataDir`/tls, readable by its owner only:
 *  servers that send mail encrypt opportunistically and do not ask who signed it (RFC 7435). Throws when a named file cannot be read. */
export async function loadOrCreateCertificate(options: CertificateOptions): Promise<Certificate> {
  const { certFile, keyFile } = options
  if (certFile !== null && keyFile !== null) return { key: await readFile(keyFile, 'utf8'), cert: await readFile(certFile, 'utf8') }
  const file = join(options.dataDir, 'tls', `${options.hostname}.pem`)
  const kept = await readFile(file, 'utf8').catch(() => null)
  return (kept === null ? null : splitPem(kept)) ?? (await create(file, options.hostname))
}

async function create(file: string, hostname: string): Promise<Certificate> {
  // Only here: it is needed once in the life of an appliance, and takes 20 MB.
  const { generate } = await import('selfsigned')
  const made = await generate([{ name: 'commonName', value: hostname }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate,
    notAfterDate,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: hostname }] }],
  })
  await mkdir(dirname(file), { recursive: true, mode: 0o700 })
  // One file, renamed when whole: a key without its certificate would be of no use.
  await writeFile(`${file}.new`, made.private + made.cert, { mode: 0o600 })
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
  return { key: made.private, cert: made.cert }
}

function splitPem(text: string): Certificate | null {
  const key = /-----BEGIN (?:EC |RSA )?PRIVATE KEY-----[^-]+-----END (?:EC |RSA )?PRIVATE KEY-----/.exec(text)?.[0]
  const cert = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(text)?.[0]
  return key === undefined || cert === undefined ? null : { key, cert }
}
