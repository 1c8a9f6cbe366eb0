import { gzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { mostRows, readDmarcXml } from '../../../server/inbound/reports/dmarc-xml.ts'
import { mostDetails, readTlsJson } from '../../../server/inbound/reports/tls-json.ts'
import { maxUnpacked, unpack } from '../../../server/inbound/reports/unpack.ts'
import { gigabyte } from './bomb.ts'
import { recognise, sample, withFile } from './corpus.ts'
import { zipOf } from './zip.ts'

const megabyte = 1024 * 1024
const name = 'remote.test!ours.test!1795305600!1795391999'

describe('a bomb', () => {
  const bomb = gigabyte()

  it('of a gigabyte is put down after 25 megabytes, and its message is a letter', { timeout: 60_000 }, async () => {
    const before = process.resourceUsage().maxRSS
    expect(await unpack(bomb)).toBeNull()
    expect(await recognise(withFile(bomb, { name: `${name}.xml.gz` }))).toBeNull()
    // kilobytes
    expect(process.resourceUsage().maxRSS - before).toBeLessThan(200 * 1024)
  })

  it('of one member, too', { timeout: 60_000 }, async () => {
    expect(await unpack(gzipSync(Buffer.alloc(128 * megabyte, ' '), { level: 1 }))).toBeNull()
  })

  it.each([
    ['in a zip that says so', megabyte * 1024],
    ['in a zip that claims a kilobyte', 1024],
    ['in a zip that claims nothing', 0],
    ['in a zip that claims as much as is allowed', maxUnpacked],
  ])('%s', { timeout: 60_000 }, async (_what, claims) => {
    expect(await unpack(zipOf([{ name: 'x.xml', content: Buffer.alloc(64 * megabyte, ' '), claims }]))).toBeNull()
  })

  it('that shrinks to less than any report does', async () => {
    expect(await unpack(gzipSync(Buffer.alloc(10 * megabyte)))).toBeNull()
    expect(await unpack(gzipSync(Buffer.alloc(200_000)))).toHaveLength(200_000)
  })
})

describe('an archive', () => {
  const xml = Buffer.from('<feedback/>')
  it.each([
    ['in an archive', zipOf([{ name: 'x.zip', content: zipOf([{ name: 'x.xml', content: xml }]) }])],
    ['in gzip', gzipSync(zipOf([{ name: 'x.xml', content: xml }]))],
    ['of gzip', zipOf([{ name: 'x.gz', content: gzipSync(xml) }])],
    ['of gzip in gzip', gzipSync(gzipSync(xml))],
    [
      'of several files',
      zipOf([
        { name: 'x.xml', content: xml },
        { name: 'y.xml', content: xml },
      ]),
    ],
    ['of none', zipOf([])],
    ['with a password', zipOf([{ name: 'x.xml', content: xml, encrypted: true }])],
    ['with a way out of its folder', zipOf([{ name: '../../x.xml', content: xml }])],
    ['that says more than it has', zipOf([{ name: 'x.xml', content: xml, claims: 1000 }])],
    ['that was cut', zipOf([{ name: 'x.xml', content: xml }]).subarray(0, -30)],
    ['that is gzip and was cut', gzipSync(Buffer.from('<feedback/>'.repeat(1000))).subarray(0, -20)],
    ['that is larger than a report may be', Buffer.alloc(maxUnpacked + 1)],
  ])('%s is not opened', async (_what, content) => expect(await unpack(content)).toBeNull())
})

/** Everything a report needs, and `more` at its end. */
const report = (more: string, prolog = ''): Buffer =>
  Buffer.from(
    `${prolog}<feedback><report_metadata><org_name>Remote</org_name><report_id>1</report_id><date_range><begin>1</begin><end>2</end></date_range>` +
      `</report_metadata><policy_published><domain>ours.test</domain><p>none</p></policy_published>${more}</feedback>`,
  )
const row = (ip = '192.0.2.1', count = '1'): string =>
  `<record><row><source_ip>${ip}</source_ip><count>${count}</count><policy_evaluated><dkim>pass</dkim></policy_evaluated></row></record>`

describe('an XML report', () => {
  it('cannot define entities: a billion laughs stay what they are', () => {
    const laughs = ['<!DOCTYPE feedback [<!ENTITY l0 "lol">']
    for (let level = 1; level < 10; level++) laughs.push(`<!ENTITY l${level} "${`&l${level - 1};`.repeat(10)}">`)
    laughs.push('<!ENTITY file SYSTEM "file:///etc/passwd">]>')
    const read = readDmarcXml(report('', laughs.join('\n')).subarray())
    expect(read).toMatchObject({ organization: 'Remote' })
    const used = Buffer.from(report('', laughs.join('\n')).toString().replace('Remote', 'Re&l9;&file;mote &lt;b&gt;'))
    expect(readDmarcXml(used)?.organization).toBe('Re&l9;&file;mote <b>')
  })

  it('keeps ten thousand rows and counts the others', () => {
    const read = readDmarcXml(report(row().repeat(mostRows + 500)))
    expect(read).toMatchObject({ messages: mostRows + 500, passed: mostRows + 500, omitted: 500 })
    expect(read?.rows).toHaveLength(mostRows)
  })

  it.each([
    ['no address', row('<b>x</b>')],
    ['no number', row('192.0.2.1', '-1')],
    ['a number beyond all mail', row('192.0.2.1', '9'.repeat(400))],
    ['a fraction', row('192.0.2.1', '1.5')],
    ['an element of its own', row().replaceAll('record', 'recorded')],
  ])('leaves out a row with %s', (_what, text) => expect(readDmarcXml(report(text + row()))?.rows).toHaveLength(1))

  it.each([
    ['another root', report('').toString().replaceAll('feedback>', 'feedbacks>')],
    ['no domain', report('').toString().replace('ours.test', 'our s')],
    ['no organization', report('').toString().replace('Remote', ' ')],
    ['a date that is none', report('').toString().replace('<begin>1<', '<begin>1e9<')],
    ['a date beyond all time', report('').toString().replace('<begin>1<', '<begin>999999999999<')],
    ['nothing', ''],
  ])('with %s is none', (_what, text) => expect(readDmarcXml(Buffer.from(text))).toBeNull())

  it('keeps one printable line of each text', () => {
    const read = readDmarcXml(
      Buffer.from(
        report('')
          .toString()
          .replace('Remote', `&#27;[31m<![CDATA[<script>]]>\n\u202e${'x'.repeat(5_000)}`),
      ),
    )
    expect(read?.organization).toMatch(/^\[31m<script> x+$/)
    expect(read?.organization.length).toBe(200)
  })

  // Each takes seconds, or all memory, where a parser is not careful. A few megabytes are enough to see it.
  const size = 4 * megabyte
  const filled = (text: string): string => text.repeat(Math.floor(size / text.length))
  it.each([
    ['open elements', filled('<a>'), null],
    ['elements that end elsewhere', `${filled('<a>')}${filled('</b>')}`, null],
    ['empty elements', filled('<a/>'), null],
    ['elements with long names', filled(`<${'a'.repeat(1_000)}><b/></${'a'.repeat(1_000)}>`), 'ours.test'],
    ['attributes', `<a ${filled('b c="d" ')}/>`, 'ours.test'],
    ['one attribute', `<a b="${filled('x')}"/>`, 'ours.test'],
    ['one name', `<${filled('x')}/>`, 'ours.test'],
    ['entities', `<a>${filled('&amp;')}</a>`, 'ours.test'],
    ['a text', `<record><row><count>${filled('1')}</count></row></record>`, 'ours.test'],
    ['comments that do not end', `<!--${filled('-- >')}`, 'ours.test'],
    ['declarations', filled('<!a>'), 'ours.test'],
    ['closing tags', filled('</a>'), 'ours.test'],
  ])('with megabytes of %s is read in linear time', { timeout: 20_000 }, (_what, text, domain) => {
    expect(readDmarcXml(report(text))?.domain ?? null).toBe(domain)
  })
})

describe('a JSON report', () => {
  const tls = async (change: (report: Record<string, unknown>) => void): Promise<Buffer> => {
    const value = JSON.parse((await sample('tls.json')).toString()) as Record<string, unknown>
    change(value)
    return Buffer.from(JSON.stringify(value))
  }
  const policies = (value: Record<string, unknown>): Record<string, unknown>[] => value['policies'] as Record<string, unknown>[]

  it('keeps a thousand failures and counts the others', async () => {
    const file = await tls((value) => {
      const [policy] = policies(value)
      if (policy !== undefined)
        policy['failure-details'] = Array.from({ length: 3_000 }, () => ({ 'result-type': 'x', 'failed-session-count': 1 }))
    })
    const [read] = readTlsJson(file)
    expect(read?.details).toHaveLength(mostDetails)
    expect(read?.omitted).toBe(2_000)
  })

  it.each([
    ['deep nesting', '['.repeat(megabyte / 2)],
    ['closed deep nesting', '['.repeat(megabyte / 2 - 1) + ']'.repeat(megabyte / 2 - 1)],
    ['many objects', `[${'{},'.repeat(300_000)}{}]`],
    ['more than a megabyte', `{"a":"${'x'.repeat(megabyte)}"}`],
    ['a prototype', '{"__proto__":{"policies":[]},"policies":[]}'],
  ])('with %s is none', (_what, text) => expect(readTlsJson(Buffer.from(text))).toEqual([]))

  it.each<[string, (value: Record<string, unknown>) => void]>([
    ['a count that is none', (value) => policies(value).forEach((one) => (one['summary'] = { 'total-successful-session-count': 1e300 }))],
    [
      'a domain that is none',
      (value) => policies(value).forEach((one) => (one['policy'] = { 'policy-type': 'sts', 'policy-domain': '<b>' })),
    ],
    ['policies that are none', (value) => (value['policies'] = ['x', null, 7])],
    ['a time that is none', (value) => (value['date-range'] = { 'start-datetime': 'x', 'end-datetime': 'y' })],
    ['no organization', (value) => (value['organization-name'] = '\u202e')],
  ])('with %s is none', async (_what, change) => expect(readTlsJson(await tls(change))).toEqual([]))
})
