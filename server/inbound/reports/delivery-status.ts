/** Delivery status notifications: message/delivery-status (RFC 3464) and message/global-delivery-status (RFC 6533). */
import { addressKey, parseAddress } from '../../model/address.ts'
import { type DsnAction, type DsnRecipient, dsnActions } from '../../model/feedback.ts'
import { parseMessageIds } from '../../model/msg-id.ts'
import { cleanLine } from '../message/text.ts'
import { type Fields, fieldGroups, firstOf, noFields } from './report-fields.ts'

/** `messageId`: what Google adds, for when the message itself does not come back. */
export type DeliveryStatus = {
  reportingMta: string | null
  originalEnvelopeId: string | null
  messageId: string | null
  recipients: readonly DsnRecipient[]
}

/** More recipients than one transaction of ours has. */
export const mostRecipients = 100
const maxDiagnostic = 1_000
const maxName = 255
/** RFC 3461 §4.4 */
const maxEnvelopeId = 100
const maxAddress = 1_000

export const statusTypes: readonly string[] = ['message/delivery-status', 'message/global-delivery-status']

/** `recipients` [] when no group says what became of one. */
export function readDeliveryStatus(content: Uint8Array): DeliveryStatus {
  const [message = noFields, ...groups] = fieldGroups(content, mostRecipients + 1)
  // Some programs leave out the empty line, or the group about the message as a whole.
  const about = message.has('final-recipient') || message.has('original-recipient') ? [message, ...groups] : groups
  return {
    reportingMta: nameIn(message, 'reporting-mta'),
    originalEnvelopeId: lineOrNull(firstOf(message, 'original-envelope-id') ?? '', maxEnvelopeId),
    messageId: parseMessageIds(firstOf(message, 'x-original-message-id'))[0] ?? null,
    recipients: about.flatMap((fields) => recipientIn(fields) ?? []).slice(0, mostRecipients),
  }
}

function recipientIn(fields: Fields): DsnRecipient | null {
  const status = statusIn(firstOf(fields, 'status') ?? '')
  const action = actionIn(firstOf(fields, 'action') ?? '', status)
  if (action === null) return null
  return {
    finalRecipient: addressIn(firstOf(fields, 'final-recipient')),
    originalRecipient: addressIn(firstOf(fields, 'original-recipient')),
    action,
    status,
    diagnosticCode: diagnosticOf(typed(firstOf(fields, 'diagnostic-code') ?? '').text),
    remoteMta: nameIn(fields, 'remote-mta'),
  }
}

/** RFC 3464 §2.3.3; where it is missing, the class of the status says the same (RFC 3463 §3). */
function actionIn(value: string, status: string | null): DsnAction | null {
  const word = value.trim().toLowerCase()
  return dsnActions.find((one) => word.startsWith(one)) ?? actionOf(status)
}

const actionOf = (status: string | null): DsnAction | null => {
  if (status === null) return null
  return status.startsWith('5') ? 'failed' : status.startsWith('4') ? 'delayed' : 'delivered'
}

/** The first status code of RFC 3463 in a text. What belongs to an IP address is none. */
export const statusIn = (text: string): string | null =>
  /(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?![\d.]*\d)/.exec(text.slice(0, 2_000))?.[0] ?? null

/** One printable line; null when nothing is left of it. */
export const diagnosticOf = (text: string): string | null => lineOrNull(text, maxDiagnostic)

/** `rfc822; bo@remote.test`, in the compared form; null for what is no address. */
export function addressIn(value: string | null): string | null {
  if (value === null) return null
  const { type, text } = typed(value)
  const bare = (/<([^<>]{3,320})>/.exec(text)?.[1] ?? text.split(/[ \t(]/, 1)[0] ?? '').trim()
  const address = parseAddress(type === 'utf-8' ? unEmbedded(bare) : bare)
  return address === null ? null : addressKey(address)
}

const nameIn = (fields: Fields, name: string): string | null => lineOrNull(typed(firstOf(fields, name) ?? '').text, maxName)

/** `type; text` (RFC 3464 §2.1.2); without a type all of it is text. */
function typed(value: string): { type: string; text: string } {
  const [, type = '', text = value] = /^\s{0,20}([a-z0-9-]{1,40})\s{0,20};(.*)$/is.exec(value) ?? []
  return { type: type.toLowerCase(), text: text.trim() }
}

function lineOrNull(text: string, limit: number): string | null {
  const line = cleanLine(text, limit)
  return line === '' ? null : line
}

/** RFC 6533 §3: `\x{fc}` for `ü`. */
const unEmbedded = (text: string): string =>
  text.slice(0, maxAddress).replace(/\\x\{([0-9A-Fa-f]{1,6})\}/g, (all, hex: string) => {
    const point = Number.parseInt(hex, 16)
    return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : all
  })
