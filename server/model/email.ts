/** The words for one message in either direction, as the public contract names them (values travel to clients unchanged). */
export const directions = ['inbound', 'outbound'] as const
export type Direction = (typeof directions)[number]

/** Outbound: draft → pending_send_approval → scheduled → sent, or rejected, expired, cancelled, send_failed.
 *  Inbound: unread → read, or pending_inbound_approval, spam_flagged, spam_quarantined, rejected, expired. */
export const emailStatuses = [
  'draft',
  'pending_send_approval',
  'pending_inbound_approval',
  'scheduled',
  'sent',
  'unread',
  'read',
  'rejected',
  'expired',
  'cancelled',
  'send_failed',
  'spam_flagged',
  'spam_quarantined',
] as const
export type EmailStatus = (typeof emailStatuses)[number]

/** From most to least human control; a mailbox climbs only by a human hand (design promise 4). `gated_new` is ours, the others are the contract's. */
export const oversightModes = ['read_only', 'gated_all', 'gated_send', 'gated_new', 'monitored', 'autonomous'] as const
export type OversightMode = (typeof oversightModes)[number]

/** More autonomy than before. */
export const isHigher = (mode: OversightMode, than: OversightMode): boolean => oversightModes.indexOf(mode) > oversightModes.indexOf(than)

/** What a leaving email says of who looks at it, from most to least oversight: a person approved it, or wrote down beforehand to whom it may go; a person
 *  gets a copy; nobody looks at each. */
export const oversightSayings = ['approved', 'allow_listed', 'monitored', 'autonomous'] as const
export type OversightSaid = (typeof oversightSayings)[number]

/** What a new mailbox gets: the agent reads and drafts freely, and a reviewer decides on what leaves. */
export const defaultMode: OversightMode = 'gated_send'

/** When the gate is asked about an email that is to be sent later: now, or at its time (contract §3.4). */
export const gateTimings = ['gate_first', 'schedule_first'] as const
export type GateTiming = (typeof gateTimings)[number]

/** What goes first among the mail of one mailbox; it overtakes nobody else's. The number is what is stored. */
export const priorities = { high: 0, normal: 1, low: 2 } as const
export type Priority = (typeof priorities)[keyof typeof priorities]

export const spamVerdicts = ['clean', 'flagged', 'quarantined'] as const
export type SpamVerdict = (typeof spamVerdicts)[number]

/** What a user said of an arrived email (contract §5.4). */
export const userLabels = ['spam', 'not_spam'] as const
export type UserLabel = (typeof userLabels)[number]

/** An address as a header shows it (RFC 5322 §3.4); `name` is text from whoever wrote the header. */
export type HeaderAddress = { address: string; name?: string }
