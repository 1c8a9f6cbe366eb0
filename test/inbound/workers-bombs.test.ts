import { afterAll, expect, it } from 'vitest'
import { createZoneResolver } from '../../dns/resolver.ts'
import { createExaminer } from '../../server/inbound/examine/examine.ts'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { silentLog } from '../../server/platform/log.ts'
import { createRemoteSender, letter } from '../support/remote-sender.ts'

const sender = createRemoteSender()
const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())
const examiner = createExaminer({ workers, hostname: 'mx.ours.test', resolver: createZoneResolver(sender.zone), clock: systemClock })
const client = { ip: '127.0.0.1', helo: 'out.remote.test', protocol: 'ESMTP', cipher: null }
const examine = (message: string | Buffer) => examiner({ bytes: Buffer.from(message), client, reversePath: null })

const multipart = { 'Content-Type': 'multipart/mixed; boundary=b' }
const signature = 'DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=remote.test; s=test; h=From; bh=YQ==; b=YQ==\r\n'

/** Each is made to take all the time or memory there is. */
const bombs: [what: string, message: () => string, found: object][] = [
  [
    'a million parts',
    () => letter(multipart, `${'--b\r\n\r\n'.repeat(1e6)}--b--\r\n`),
    { parsed: { flags: ['unparsable', 'too-many-parts'] } },
  ],
  [
    'a hundred thousand levels',
    () =>
      letter(
        { 'Content-Type': 'multipart/mixed; boundary=b0' },
        Array.from({ length: 1e5 }, (_, at) => `--b${at}\r\nContent-Type: multipart/mixed; boundary=b${at + 1}\r\n\r\n`).join(''),
      ),
    { parsed: { flags: ['mime-truncated', 'unparsable', 'mime-too-deep'] } },
  ],
  [
    'two hundred signatures over a large body',
    () => signature.repeat(200) + letter({}, 'a letter of many lines\r\n'.repeat(40_000)),
    { authentication: { results: { dkim: Array.from({ length: 10 }, () => ({ result: 'fail' })) } } },
  ],
  [
    'a header of two megabytes',
    () => letter(Object.fromEntries(Array.from({ length: 9_000 }, (_, at) => [`X-${at}`, 'a'.repeat(200)]))),
    { parsed: { subject: 'Lunch', flags: ['header-truncated'] } },
  ],
  ['references without end', () => letter({ References: '<a@b.test> '.repeat(90_000) }), { parsed: { subject: 'Lunch' } }],
  [
    'an author without end',
    () => letter({ From: `${'"a" <a@remote.test>, '.repeat(50_000)}b@remote.test` }),
    { parsed: { subject: 'Lunch' } },
  ],
]

it.each(bombs)('%s end soon, and letters beside it are read', { timeout: 60_000 }, async (_what, message, found) => {
  const hostile = examine(message())
  const letters = await Promise.all(Array.from({ length: 20 }, async () => examine(await sender.sign(letter()))))
  for (const one of letters)
    expect(one).toMatchObject({ parsed: { extracted: 'Hello.', flags: [] }, authentication: { results: { dmarc: { result: 'pass' } } } })
  expect(await hostile).toMatchObject(found)
})
