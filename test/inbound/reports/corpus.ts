import { readFile, readdir } from 'node:fs/promises'
import { readContent } from '../../../server/inbound/content/read-content.ts'
import { readWhole } from '../../../server/inbound/message/read-message.ts'
import type { ArrivedReport } from '../../../server/inbound/reports/arrived-report.ts'
import { recogniseReport } from '../../../server/inbound/reports/recognise.ts'
import { letter } from '../../support/remote-sender.ts'

/** The samples: reports as programs write them, in our own words. Kept with LF line ends, for people. */
const folder = new URL('../../fixtures/reports/', import.meta.url)

/** A sample by its file name; letters as they come over the wire. */
export async function sample(name: string): Promise<Buffer> {
  const bytes = await readFile(new URL(name, folder))
  return name.endsWith('.eml') ? Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1') : bytes
}

export const samples = async (): Promise<string[]> => (await readdir(folder)).toSorted()

/** Our message in all samples. */
export const ourMessageId = '<0123456789abcdef0123456789abcdef@ours.test>'

export async function recognise(raw: Buffer): Promise<ArrivedReport | null> {
  return recogniseReport({ raw, parsed: readContent(await readWhole(raw), 'good').parsed })
}

/** A letter with one file, as aggregate reports come. */
export const withFile = (
  content: Uint8Array,
  {
    name,
    type = 'application/gzip',
    subject = 'Report Domain: ours.test Submitter: remote.test Report-ID: 1',
    text = 'A report.',
  }: FileOptions,
): Buffer =>
  Buffer.from(
    letter(
      { Subject: subject, From: 'noreply-dmarc@remote.test', 'MIME-Version': '1.0', 'Content-Type': 'multipart/mixed; boundary=b' },
      [
        `--b\r\nContent-Type: text/plain\r\n\r\n${text}\r\n`,
        `--b\r\nContent-Type: ${type}\r\nContent-Disposition: attachment; filename="${name}"\r\nContent-Transfer-Encoding: base64\r\n\r\n`,
        `${Buffer.from(content).toString('base64')}\r\n--b--\r\n`,
      ].join(''),
    ),
  )
type FileOptions = { name: string; type?: string; subject?: string; text?: string }
