/** Feedback reports: message/feedback-report (ARF, RFC 5965), and its kind for failed authentication (RFC 6591). */
import { isIP } from 'node:net'
import { parseDomainName } from '../../../dns/name.ts'
import type { Complaint } from '../../model/feedback.ts'
import { addressIn } from './delivery-status.ts'
import { fieldGroups, firstOf, noFields } from './report-fields.ts'

export const feedbackType = 'message/feedback-report'

const mostNamed = 20
const typeWord = /^[a-z][a-z-]{1,39}$/

/** The complaint but for the message it is about; null when it does not say what it is. */
export function readFeedback(content: Uint8Array): Omit<Complaint, 'originalMessageId'> | null {
  const fields = fieldGroups(content, 1)[0] ?? noFields
  const type = firstOf(fields, 'feedback-type')?.trim().toLowerCase() ?? ''
  if (!typeWord.test(type)) return null
  const named = (name: string): readonly string[] => fields.get(name)?.slice(0, mostNamed) ?? []
  const source = firstOf(fields, 'source-ip')?.replace(/^\[(.{0,60})\]$/, '$1') ?? ''
  return {
    feedbackType: type,
    originalRecipients: named('original-rcpt-to').flatMap((value) => addressIn(value) ?? []),
    sourceIp: isIP(source) === 0 ? null : source,
    reportedDomains: named('reported-domain').flatMap((value) => parseDomainName(value.trim()) ?? []),
  }
}
