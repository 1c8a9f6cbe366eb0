import { createPrivateKey, X509Certificate } from 'node:crypto'
import { stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { loadOrCreateCertificate } from '../../server/platform/certificate.ts'
import { makeCertificate } from '../support/certificate.ts'
import { createScratch } from '../support/scratch.ts'

async function place(): Promise<string> {
  const scratch = await createScratch('certificate')
  onTestFinished(() => scratch.remove())
  return scratch.path
}

it('makes a certificate for the host once, and keeps it where only its owner reads it', async () => {
  const options = { dataDir: await place(), hostname: 'mx.ours.test', certFile: null, keyFile: null }
  const made = await loadOrCreateCertificate(options)
  const certificate = new X509Certificate(made.cert)
  expect(certificate.checkHost('mx.ours.test')).toBe('mx.ours.test')
  expect(certificate.checkPrivateKey(createPrivateKey(made.key))).toBe(true)
  expect((await stat(join(options.dataDir, 'tls', 'mx.ours.test.pem'))).mode & 0o777).toBe(0o600)
  expect((await stat(join(options.dataDir, 'tls'))).mode & 0o777).toBe(0o700)
  expect(new X509Certificate((await loadOrCreateCertificate(options)).cert).fingerprint256).toBe(certificate.fingerprint256)
})

it('makes another for another name, and when what it kept is damaged', async () => {
  const options = { dataDir: await place(), hostname: 'mx.ours.test', certFile: null, keyFile: null }
  const first = await loadOrCreateCertificate(options)
  expect((await loadOrCreateCertificate({ ...options, hostname: 'mx2.ours.test' })).cert).not.toBe(first.cert)
  await writeFile(join(options.dataDir, 'tls', 'mx.ours.test.pem'), 'damaged')
  expect((await loadOrCreateCertificate(options)).cert).toContain('BEGIN CERTIFICATE')
})

it('uses the operator’s files, and says so when one cannot be read', async () => {
  const dataDir = await place()
  const theirs = await makeCertificate('mx.ours.test')
  const [keyFile, certFile] = [join(dataDir, 'key.pem'), join(dataDir, 'cert.pem')]
  await writeFile(keyFile, theirs.key)
  await writeFile(certFile, theirs.cert)
  expect(await loadOrCreateCertificate({ dataDir, hostname: 'mx.ours.test', certFile, keyFile })).toEqual(theirs)
  await expect(loadOrCreateCertificate({ dataDir, hostname: 'mx.ours.test', certFile, keyFile: `${keyFile}.gone` })).rejects.toThrow(
    'ENOENT',
  )
})
