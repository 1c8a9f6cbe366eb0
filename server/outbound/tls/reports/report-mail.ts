/** A report on TLS as a message (RFC 8460 §5.3). Pure: the bytes, before they are signed. */
import { foldLines } from 'nodemailer/lib/mime-funcs'
import type { Address } from '../../../model/address.ts'
import { sha256 } from '../../../model/canonical.ts'
import { mailDate } from '../../../model/mail-date.ts'
import type { Report } from './report.ts'

export type Letter = { report: Report; gzip: Buffer; to: Address; now: number }

/** CRLF line ends, US-ASCII but for what an address has, lines of at most 998 octets. */
export function composeReportMail({ report, gzip, to, now }: Letter): Buffer {
  const { subject, submitter, id } = report
  const boundary = `=_mm-${sha256('boundary', id).slice(0, 32)}`
  const header = [
    field('From', `TLS reports <postmaster@${submitter}>`),
    field('To', to),
    field('Subject', `Report Domain: ${subject} Submitter: ${submitter} Report-ID: <${id}>`),
    field('Date', mailDate(now)),
    field('Message-ID', `<${id}>`),
    field('TLS-Report-Domain', subject),
    field('TLS-Report-Submitter', submitter),
    // RFC 8689 §3: what is wrong with the TLS of a domain must not keep from it the report that says so.
    field('TLS-Required', 'No'),
    // RFC 3834 §5: no absence notice answers it.
    field('Auto-Submitted', 'auto-generated'),
    field('MIME-Version', '1.0'),
    `Content-Type: multipart/report; report-type=tlsrpt;\r\n boundary="${boundary}"\r\n`,
  ]
  const parts = [
    ['Content-Type: text/plain; charset=us-ascii', '', ...words(report)],
    [
      'Content-Type: application/tlsrpt+gzip',
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment;\r\n filename="${fileName(report)}"`,
      '',
      ...inLines(gzip.toString('base64')),
    ],
  ]
  const body = parts.map((lines) => `--${boundary}\r\n${lines.join('\r\n')}\r\n`).join('')
  return Buffer.from(`${header.join('')}\r\n${body}--${boundary}--\r\n`)
}

const field = (name: string, value: string): string => `${foldLines(`${name}: ${value}`, 76)}\r\n`

const words = ({ subject, beginAt, endAt }: Report): string[] => [
  `This is a report on TLS in sessions with the mail servers of`,
  subject,
  `from ${mailDate(beginAt)} to ${mailDate(endAt)} (RFC 8460).`,
]

/** §5.1. */
const fileName = ({ submitter, subject, beginAt, endAt }: Report): string =>
  `${submitter}!${subject}!${beginAt / 1000}!${endAt / 1000}.json.gz`

const inLines = (text: string): string[] => text.match(/.{1,76}/g) ?? []
