/**
 * DMARC aggregate reports: the XML of RFC 9990, and of RFC 7489 before it, which is what most of the world still sends.
 *
 * Read as a stream of tags by their path, so that only what is kept takes memory. No document type is obeyed and no entity defined in it is known.
 * Every text is cut; nesting and rows have a limit.
 */
import { isIP } from 'node:net'
import { StringDecoder } from 'node:string_decoder'
import { Parser } from 'htmlparser2'
import { parseDomainName } from '../../../dns/name.ts'
import type { DmarcReport, DmarcRow } from '../../model/aggregate-report.ts'
import { cleanLine } from '../message/text.ts'

/** A row is one source with one outcome. */
export const mostRows = 10_000
/** The form has six levels. The parser looks through all open tags at each closing one, so depth times length must stay small. */
const maxDepth = 20
/** Fifty thousand rows. */
const maxElements = 1_000_000
const maxText = 1_000
export const maxLabel = 200
const maxCount = 1_000_000_000
const pieceBytes = 64 * 1024

/** Null for what is no such report, or lacks what every report has. Never throws. @param xml at most `maxUnpacked` */
export function readDmarcXml(xml: Buffer): DmarcReport | null {
  const reading = createReading()
  const parser = new Parser(
    { onopentagname: reading.open, onclosetag: reading.close, ontext: reading.text },
    // The callback for attributes is left out on purpose: then none are collected.
    { xmlMode: true, decodeEntities: true },
  )
  const decoder = new StringDecoder('utf8')
  try {
    for (let at = 0; at < xml.length; at += pieceBytes) parser.write(decoder.write(xml.subarray(at, at + pieceBytes)))
    parser.end()
  } catch {
    // Nested too deep, or too long. The parser itself throws for nothing.
    return null
  }
  return reading.report()
}

type Texts = Map<string, string>
type Reading = { open(name: string): void; close(): void; text(data: string): void; report(): DmarcReport | null }

function createReading(): Reading {
  // The path of each open element; '?' for one that leads to nothing we keep.
  const path: string[] = []
  const about: Texts = new Map()
  const rows: DmarcRow[] = []
  const totals = { messages: 0, passed: 0, omitted: 0 }
  let prefix = ''
  let elements = 0
  let record: Texts | null = null

  const endRecord = (): void => {
    const row = record === null ? null : rowOf(record)
    record = null
    if (row === null) return
    totals.messages += row.count
    if (row.dkim === 'pass' || row.spf === 'pass') totals.passed += row.count
    if (rows.length < mostRows) rows.push(row)
    else totals.omitted += 1
  }
  return {
    open(name) {
      if (path.length === 0) prefix = name.slice(0, name.indexOf(':') + 1)
      if (path.length === maxDepth || ++elements > maxElements) throw new Error('nested too deep, or too long')
      const key = childOf(path.at(-1), name.startsWith(prefix) ? name.slice(prefix.length) : '?')
      path.push(key)
      if (key === 'feedback/record') record = new Map()
    },
    close() {
      if (path.pop() === 'feedback/record') endRecord()
    },
    text(data) {
      const key = path.at(-1)
      if (key === undefined || !wanted.has(key)) return
      const texts = record ?? about
      const before = texts.get(key) ?? ''
      if (before.length < maxText) texts.set(key, (before + data).slice(0, maxText))
    },
    report: () => reportOf(about, rows, totals),
  }
}

/** Always as short as what we look for, whatever the document calls its elements. */
function childOf(parent: string | undefined, name: string): string {
  if (parent === '?' || name.length > longestName) return '?'
  const key = parent === undefined ? name : `${parent}/${name}`
  return steps.has(key) ? key : '?'
}

const wanted = new Set([
  'feedback/report_metadata/org_name',
  'feedback/report_metadata/report_id',
  'feedback/report_metadata/date_range/begin',
  'feedback/report_metadata/date_range/end',
  'feedback/policy_published/domain',
  'feedback/policy_published/p',
  'feedback/record/row/source_ip',
  'feedback/record/row/count',
  'feedback/record/row/policy_evaluated/disposition',
  'feedback/record/row/policy_evaluated/dkim',
  'feedback/record/row/policy_evaluated/spf',
  'feedback/record/identifiers/header_from',
])
const steps = new Set([...wanted].flatMap((path) => path.split('/').map((_name, at, names) => names.slice(0, at + 1).join('/'))))
const longestName = 40

function reportOf(
  about: Texts,
  rows: readonly DmarcRow[],
  totals: { messages: number; passed: number; omitted: number },
): DmarcReport | null {
  const line = (key: string): string => cleanLine(about.get(`feedback/${key}`) ?? '', maxLabel)
  const organization = line('report_metadata/org_name')
  const reportId = line('report_metadata/report_id')
  const domain = parseDomainName(line('policy_published/domain'))
  const beginAt = secondsAsMs(line('report_metadata/date_range/begin'))
  const endAt = secondsAsMs(line('report_metadata/date_range/end'))
  if (organization === '' || reportId === '' || domain === null || beginAt === null || endAt === null) return null
  const p = line('policy_published/p').toLowerCase()
  const policy = dispositions.find((one) => one === p) ?? 'none'
  return { kind: 'dmarc', organization, reportId, domain, beginAt, endAt, policy, ...totals, rows }
}

const dispositions = ['none', 'quarantine', 'reject'] as const

function rowOf(record: Texts): DmarcRow | null {
  const word = (key: string): string => cleanLine(record.get(`feedback/record/${key}`) ?? '', maxLabel)
  const sourceIp = word('row/source_ip')
  const count = word('row/count')
  if (isIP(sourceIp) === 0 || !/^\d{1,10}$/.test(count)) return null
  const passed = (key: string): 'pass' | 'fail' => (word(key).toLowerCase() === 'pass' ? 'pass' : 'fail')
  // RFC 9990 adds `pass` for mail that the policy was not applied to.
  const disposition = word('row/policy_evaluated/disposition').toLowerCase()
  return {
    sourceIp,
    count: Math.min(Number(count), maxCount),
    disposition: dispositions.find((one) => one === disposition) ?? 'none',
    dkim: passed('row/policy_evaluated/dkim'),
    spf: passed('row/policy_evaluated/spf'),
    headerFrom: parseDomainName(word('identifiers/header_from')) ?? '',
  }
}

/** Until the year 9999. Some programs write a fraction. */
const secondsAsMs = (text: string): number | null =>
  /^\d{1,12}(?:\.\d{1,9})?$/.test(text) && Number(text) < 253_402_300_800 ? Math.floor(Number(text)) * 1_000 : null
