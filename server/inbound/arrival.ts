/** A message whose last octet is there, and who brought it: what the protocol hands to the rest of the house. */
import type { Address } from '../model/address.ts'
import type { Recipient } from './recipients.ts'

/** The other side of the connection. `helo` is what it called itself; `cipher` null without TLS. */
export type Client = { ip: string; helo: string; protocol: string; cipher: string | null }

export type Arrival = {
  client: Client
  reversePath: Address | null
  recipients: readonly Recipient[]
  /** asked for with MAIL FROM (RFC 8689) */
  requireTls: boolean
  /** as received, dots unstuffed */
  bytes: Buffer
}
