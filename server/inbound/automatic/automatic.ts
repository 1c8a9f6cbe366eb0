/**
 * Whether a program wrote a message (RFC 3834, RFC 2919, RFC 2369). Pure; in the worker.
 *
 * Agents are automatic responders too, so what comes from another one is marked, for two of them not to write to each other for ever. Signs that
 * are also on letters of people (a subject, a mark of a provider) count only two at a time.
 */
import { decodeWords } from 'postal-mime'
import type { Address } from '../../model/address.ts'
import type { Automatic } from '../../model/automatic.ts'
import { type HeaderField, fieldValue, headerFields } from '../../model/headers.ts'
import { absenceWords } from './absence-words.ts'
import { isDaemon } from './daemon.ts'
import type { ArrivedReport } from '../reports/arrived-report.ts'

/** What a header says of its writer. Values are lower case; '' where the field is not there. */
export type AutomaticFacts = {
  report: ArrivedReport['kind'] | null
  /** of a multipart/report */
  reportType: string
  autoSubmitted: string
  precedence: string
  suppress: string
  /** names of the fields that are there */
  has: ReadonlySet<string>
  nullReversePath: boolean
  daemon: boolean
  noReply: boolean
  absence: boolean
}

const maxHeader = 256 * 1024
const maxFields = 1_000
const maxField = 2_000

export const automaticKind = ({
  header,
  reversePath,
  report,
}: {
  header: Buffer
  reversePath: Address | null
  report: ArrivedReport | null
}): Automatic | null => judge(factsOf(header, reversePath, report))

/** The first row that applies. An aggregate report is not said to be one here: whether its domain is ours shows when it is filed. */
const judge = (facts: AutomaticFacts): Automatic | null => rows.find(({ when }) => when(facts))?.kind ?? null

const rows: readonly { kind: Automatic; when(facts: AutomaticFacts): boolean }[] = [
  { kind: 'delivery-report', when: (f) => f.report === 'delivery' || f.reportType === 'delivery-status' },
  { kind: 'complaint', when: (f) => f.report === 'complaint' },
  { kind: 'notice', when: (f) => f.report === 'authentication-failure' || f.reportType !== '' },
  // A mail system that answers a message in a form we cannot read: still nobody is there to read an answer.
  { kind: 'delivery-report', when: (f) => f.daemon && f.nullReversePath },
  // RFC 3834 §5.1: the answer to a message. `Precedence: auto_reply` and the other fields are what came before it.
  { kind: 'reply', when: (f) => f.autoSubmitted.startsWith('auto-replied') || f.precedence === 'auto_reply' },
  { kind: 'reply', when: (f) => hasAny(f, replyFields) },
  { kind: 'reply', when: (f) => f.absence && weakSigns(f) > 1 },
  // RFC 2919, RFC 2369 §3.4: a list has a name and a place to post to; what only can be left is bulk mail.
  { kind: 'list', when: (f) => f.precedence === 'list' || hasAny(f, listFields) || (f.has.has('list-id') && !hasAny(f, bulkFields)) },
  { kind: 'bulk', when: (f) => f.precedence === 'bulk' || f.precedence === 'junk' || hasAny(f, bulkFields) },
  // RFC 3834 §5: `auto-generated`, also what our own agents say of themselves; `auto-notified` (RFC 5436).
  { kind: 'notice', when: (f) => f.autoSubmitted !== '' && !/^no\b/.test(f.autoSubmitted) },
  { kind: 'notice', when: (f) => /\b(?:all|oof|autoreply)\b/.test(f.suppress) },
  { kind: 'notice', when: (f) => f.nullReversePath || weakSigns(f) > 1 },
]

const replyFields = [
  'x-autoreply',
  'x-autorespond',
  'x-autoresponder',
  'x-auto-reply',
  'x-autoreply-from',
  'x-mail-autoreply',
  // Exchange puts it on what rules of a mailbox write.
  'x-ms-exchange-inbox-rules-loop',
]
const listFields = ['list-post', 'mailing-list', 'x-mailing-list', 'x-mailman-version', 'x-listserver']
/** Also the marks of programs that send to many; each is on nothing else. */
const bulkFields = [
  'list-unsubscribe',
  'list-unsubscribe-post',
  'x-csa-complaints',
  'x-mc-user',
  'x-campaign',
  'x-campaign-id',
  'x-campaignid',
  'x-bulkmail',
]

const hasAny = ({ has }: AutomaticFacts, names: readonly string[]): boolean => names.some((name) => has.has(name))

/** Signs that a letter of a person may have, too. */
const weakSigns = (facts: AutomaticFacts): number =>
  [
    facts.absence,
    facts.nullReversePath,
    facts.noReply,
    facts.daemon,
    facts.suppress !== '',
    facts.has.has('feedback-id'),
    facts.precedence !== '' && facts.precedence !== 'first-class',
    facts.autoSubmitted !== '' && !/^no\b/.test(facts.autoSubmitted),
  ].filter(Boolean).length

function factsOf(header: Buffer, reversePath: Address | null, report: ArrivedReport | null): AutomaticFacts {
  const fields = new Map<string, HeaderField>()
  for (const field of headerFields(header.subarray(0, maxHeader)).slice(0, maxFields))
    if (!fields.has(field.name)) fields.set(field.name, field)
  const value = (name: string): string => {
    const field = fields.get(name)
    return field === undefined ? '' : fieldValue({ ...field, raw: field.raw.subarray(0, maxField) }).toLowerCase()
  }
  const from = authorIn(value('from'))
  return {
    report: report?.kind ?? null,
    reportType:
      /^multipart\/report\b.{0,1000}?;\s{0,20}report-type\s{0,20}=\s{0,20}"?([a-z-]{1,60})/.exec(value('content-type'))?.[1] ?? '',
    autoSubmitted: value('auto-submitted'),
    precedence: value('precedence'),
    suppress: value('x-auto-response-suppress'),
    has: new Set(fields.keys()),
    nullReversePath: reversePath === null,
    daemon: isDaemon(from),
    noReply: /^(?:no|do-?not)[-_.]?reply\b/.test(from),
    absence: hasAbsenceWords(fields.get('subject')),
  }
}

/** The address at the end of a From field, past a comment such as `(Mail Delivery System)`. */
const authorIn = (value: string): string =>
  /([^\s<>"(),:;]{1,64}@[^\s<>"(),:;]{1,255})>?\s*(?:\([^()]*\)\s*)?$/.exec(value.slice(-400))?.[1] ?? ''

function hasAbsenceWords(field: HeaderField | undefined): boolean {
  if (field === undefined) return false
  const subject = decodeWords(fieldValue({ ...field, raw: field.raw.subarray(0, maxField) }))
    .normalize('NFC')
    .toLowerCase()
  return absenceWords.some((words) => subject.includes(words))
}
