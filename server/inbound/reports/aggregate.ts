/** Which attachments may be an aggregate report, and what is in them. */
import type { DmarcReport, TlsReport } from '../../model/aggregate-report.ts'
import type { ParsedAttachment, ParsedMessage } from '../message/parsed-message.ts'
import { readDmarcXml } from './dmarc-xml.ts'
import { readTlsJson } from './tls-json.ts'
import { unpack } from './unpack.ts'

/** A report comes alone; the others are pictures of its sender. */
const mostTried = 2
const mostLookedAt = 20

/** RFC 8460 §6.4, §6.5 */
const tlsTypes: readonly string[] = ['application/tlsrpt+gzip', 'application/tlsrpt+json']
/** `receiver!domain!begin!end[!id].xml.gz` (RFC 7489 §7.2.1.1, RFC 9990 §2.6.2), `….json.gz` (RFC 8460 §5.1); old ones are zip files. */
const reportName = /^[^!]{1,255}![^!]{1,255}!\d{1,12}!\d{1,12}(?:![^!]{0,100})?\.(?:xml|xml\.gz|gz|zip|json|json\.gz)$/i
/** `Report Domain: ours.test Submitter: remote.test Report-ID: …` in both. */
const reportSubject = /^report domain:/i
const packedName = /\.(?:xml|gz|zip|json)$/i

/** [] for a letter: most have no such attachment, and only what has the name of a report is unpacked. Never throws. */
export async function readAggregates({ attachments, subject }: ParsedMessage): Promise<(DmarcReport | TlsReport)[]> {
  const bySubject = reportSubject.test(subject.trimStart())
  const candidates = attachments.slice(0, mostLookedAt).filter((one) => isCandidate(one, bySubject))
  for (const { content } of candidates.slice(0, mostTried)) {
    const file = await unpack(content)
    const reports = file === null ? [] : readFile(file)
    if (reports.length > 0) return reports
  }
  return []
}

const isCandidate = ({ name, contentType }: ParsedAttachment, bySubject: boolean): boolean =>
  tlsTypes.includes(contentType.toLowerCase()) || reportName.test(name) || (bySubject && packedName.test(name))

/** By its first character, as names and types are often wrong. */
function readFile(file: Buffer): (DmarcReport | TlsReport)[] {
  const start = file
    .toString('utf8', 0, 200)
    .replace(/^\ufeff/, '')
    .trimStart()[0]
  if (start === '{') return readTlsJson(file)
  const dmarc = start === '<' ? readDmarcXml(file) : null
  return dmarc === null ? [] : [dmarc]
}
