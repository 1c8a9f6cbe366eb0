/**
 * Recognises the reports that mail systems send each other. Pure; runs in the worker, before anything is known of who sent the message.
 *
 * Promise: it never throws, and takes time and memory in proportion to what was sent, or to a limit where something was packed. What it says is
 * what the report says: anybody can write one. Who acts on it asks whether there is a message of ours that it can be about.
 */
import { addressKey, parseAddress } from '../../model/address.ts'
import type { DeliveryReport } from '../../model/feedback.ts'
import { fieldValue, headerFields, splitMessage } from '../../model/headers.ts'
import { isDaemon } from '../automatic/daemon.ts'
import type { ParsedAttachment, ParsedMessage } from '../message/parsed-message.ts'
import { readAggregates } from './aggregate.ts'
import type { ArrivedReport } from './arrived-report.ts'
import { readBounceText } from './bounce-text.ts'
import { readDeliveryStatus, statusTypes } from './delivery-status.ts'
import { feedbackType, readFeedback } from './feedback-report.ts'
import { originalMessageId } from './original-message.ts'

/** What is asked of a message. `raw` as received. */
export type Reported = { raw: Buffer; parsed: ParsedMessage }

const mostFailed = 100
const maxHeader = 256 * 1024
const maxField = 8 * 1024

/** Null for a letter, and for a report that cannot be read: it then is a letter. */
export async function recogniseReport(message: Reported): Promise<ArrivedReport | null> {
  const report = deliveryIn(message) ?? feedbackIn(message)
  if (report !== null) return report
  const reports = await readAggregates(message.parsed)
  if (reports.length > 0) return { kind: 'aggregate', reports }
  return bounceIn(message)
}

/** A status part counts where the message says that it is a report, or where a mail system sent it: a letter may have one attached. */
function deliveryIn(message: Reported): ArrivedReport | null {
  const part = partOf(message.parsed, statusTypes)
  if (part === undefined || !(isFromDaemon(message) || reportType(message.raw) !== null)) return null
  const { messageId, recipients, ...status } = readDeliveryStatus(part.content)
  const found = recipients.length > 0 ? recipients : failedRecipients(message)
  return found.length === 0 ? null : delivery(message, { ...status, recipients: found }, messageId)
}

function feedbackIn(message: Reported): ArrivedReport | null {
  const part = partOf(message.parsed, [feedbackType])
  const feedback = part === undefined || reportType(message.raw) === null ? null : readFeedback(part.content)
  if (feedback === null) return null
  if (feedback.feedbackType === 'auth-failure') return { kind: 'authentication-failure' }
  return { kind: 'complaint', complaint: { ...feedback, originalMessageId: originalMessageId(message.parsed, message.raw) } }
}

function bounceIn(message: Reported): ArrivedReport | null {
  if (!isFromDaemon(message)) return null
  const bounce = readBounceText(message.parsed.markdown, failedAddresses(message.raw))
  if (bounce === null) return null
  const { messageId, ...report } = bounce
  return delivery(message, report, messageId)
}

const delivery = (
  { parsed, raw }: Reported,
  report: Omit<DeliveryReport, 'originalMessageId'>,
  messageId: string | null,
): ArrivedReport => ({ kind: 'delivery', report: { ...report, originalMessageId: originalMessageId(parsed, raw) ?? messageId } })

const partOf = ({ attachments }: ParsedMessage, types: readonly string[]): ParsedAttachment | undefined =>
  attachments.find(({ contentType }) => types.includes(contentType.toLowerCase()))

const isFromDaemon = ({ parsed }: Reported): boolean => parsed.from !== null && isDaemon(parsed.from.address)

/** The `report-type` of a multipart/report (RFC 6522 §3), '' when it names none; null for any other type. */
function reportType(raw: Buffer): string | null {
  const type = valuesOf(raw, 'content-type', 1)[0] ?? ''
  if (!/^multipart\/report\b/i.test(type)) return null
  return /;\s{0,20}report-type\s{0,20}=\s{0,20}"?([a-z-]{1,60})/i.exec(type)?.[1]?.toLowerCase() ?? ''
}

/** What Exim and Google put into the header: the addresses that failed. */
const failedAddresses = (raw: Buffer): string[] =>
  valuesOf(raw, 'x-failed-recipients', 20)
    .flatMap((value) => value.split(',', mostFailed))
    .flatMap((text) => {
      const address = parseAddress(text.trim())
      return address === null ? [] : addressKey(address)
    })
    .slice(0, mostFailed)

const failedRecipients = ({ raw }: Reported): DeliveryReport['recipients'] =>
  failedAddresses(raw).map((finalRecipient) => ({
    finalRecipient,
    originalRecipient: null,
    action: 'failed',
    status: null,
    diagnosticCode: null,
    remoteMta: null,
  }))

const valuesOf = (raw: Buffer, name: string, limit: number): string[] =>
  headerFields(splitMessage(raw).header.subarray(0, maxHeader))
    .filter((field) => field.name === name)
    .slice(0, limit)
    .map((field) => fieldValue({ ...field, raw: field.raw.subarray(0, maxField) }))
