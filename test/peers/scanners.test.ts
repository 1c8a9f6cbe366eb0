import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createClamavScan } from '../../server/inbound/scanners/clamav.ts'
import { createRspamdScan } from '../../server/inbound/scanners/rspamd.ts'
import type { Scan, Scanned } from '../../server/inbound/scanners/scanner.ts'
import { parseAddress } from '../../server/model/address.ts'
import { silentLog } from '../../server/platform/log.ts'
import { malwareSample, startClamd } from '../support/clamd.ts'
import { missingPeer } from '../support/peers.ts'
import { startRspamd, suspiciousSubject } from '../support/rspamd.ts'

const ann = parseAddress('ann@ours.test')
const message = (subject: string, body: string): Scanned => ({
  bytes: Buffer.from(`From: Bo <bo@remote.test>\r\nTo: ann@ours.test\r\nSubject: ${subject}\r\n\r\n${body}\r\n`),
  client: { ip: '192.0.2.7', helo: 'mx.remote.test', protocol: 'ESMTP', cipher: null },
  reversePath: parseAddress('bo@remote.test'),
  forwardPaths: ann === null ? [] : [ann],
})

describe.skipIf(missingPeer('clamd'))('a real ClamAV', { timeout: 60_000 }, () => {
  let clamd: Awaited<ReturnType<typeof startClamd>>
  let scan: Scan
  beforeAll(async () => {
    clamd = await startClamd({ maxBytes: 1024 * 1024 })
    scan = createClamavScan({ place: clamd, log: silentLog })
  }, 60_000)
  afterAll(() => clamd.stop())

  it('finds nothing in a letter, and names what it finds in malware', async () => {
    expect(await scan(message('Hello', 'Nothing here.'))).toMatchObject({ malware: null, missing: null })
    expect(await scan(message('Hello', `x ${malwareSample} y`))).toMatchObject({ malware: 'Test.Sample.UNOFFICIAL', missing: null })
  })

  it('finds it in the last of many pieces, and in the base64 of an attachment', async () => {
    expect(await scan(message('Hello', `${'a line\r\n'.repeat(60_000)}${malwareSample}`))).toMatchObject({ malware: /Test/ })
    const encoded = Buffer.from(`begin ${malwareSample} end`).toString('base64')
    const attached = `Content-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${encoded}\r\n`
    const bytes = Buffer.from(`From: bo@remote.test\r\nMIME-Version: 1.0\r\n${attached}`)
    expect(await scan({ ...message('', ''), bytes })).toMatchObject({ malware: /Test/ })
  })

  it('has no answer for a message longer than it takes, which is not an answer of "clean"', async () => {
    expect(await scan(message('Hello', 'x'.repeat(2 * 1024 * 1024)))).toMatchObject({ malware: null, missing: 'clamav' })
  })
})

describe.skipIf(missingPeer('rspamd'))('a real rspamd', { timeout: 60_000 }, () => {
  let rspamd: Awaited<ReturnType<typeof startRspamd>>
  let scan: Scan
  beforeAll(async () => {
    rspamd = await startRspamd()
    scan = createRspamdScan({ url: rspamd.url, hostname: 'mx.ours.test', log: silentLog })
  }, 60_000)
  afterAll(() => rspamd.stop())

  it('says of a letter, of what it suspects and of what it would refuse, what it thinks', async () => {
    const test = 'XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'
    const reasonsOf = async (subject: string, body: string) => (await scan(message(subject, body))).reasons
    expect(await reasonsOf('Hello', 'Nothing here.')).toMatchObject([{ code: 'rspamd', points: 0 }])
    expect(await reasonsOf(suspiciousSubject, 'Buy.')).toMatchObject([{ points: 6, detail: expect.stringContaining('TEST_RULE') }])
    expect(await reasonsOf('Hello', test)).toMatchObject([{ points: 12, detail: expect.stringContaining('GTUBE') }])
  })
})
