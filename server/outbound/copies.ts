/**
 * Who gets an email besides those whom its agent named: the copies that its mailbox makes. They are part of the envelope that is hashed and approved. Pure.
 *
 * Promise: a copy that an operator set up is always made. The suppression list takes none away: an agent can put addresses on it (a link to unsubscribe
 * that it was sent is enough), and would be watched no more. A copy that cannot be delivered bounces like any mail, where reviewers see it.
 */
import { type Address, addressKey, parseAddress } from '../model/address.ts'
import type { HeaderAddress } from '../model/email.ts'
import type { EmailRow } from '../store/emails.ts'
import { copiesIn, envelopeOf } from '../store/emails.ts'
import type { Row } from '../store/schema.ts'
import { type Content, forwardPaths } from './content.ts'

export type Copies = { cc: readonly Address[]; bcc: readonly Address[] }

/** Whom a mailbox is set up to send copies to. A monitored one tells the oversight address. */
export const copiesWanted = (
  { auto_cc, auto_bcc, oversight_mode }: Pick<Row<'mailboxes'>, 'auto_cc' | 'auto_bcc' | 'oversight_mode'>,
  { oversight_email }: { oversight_email?: string | null },
): Copies => ({
  cc: addresses(auto_cc),
  bcc: [...addresses(auto_bcc), ...(oversight_mode === 'monitored' ? addresses(oversight_email ?? null) : [])],
})

const addresses = (text: string | null): Address[] => {
  const address = text === null ? null : parseAddress(text)
  return address === null ? [] : [address]
}

/** Those of `cc` and `bcc`, in that order, whom the agent did not name, each once. */
export function copiesFor(named: Pick<Content, 'to' | 'cc' | 'bcc'>, wanted: Copies): Copies {
  const seen = new Set(forwardPaths(named).map(addressKey))
  const fresh = (addresses: readonly Address[]): Address[] =>
    addresses.filter((address) => {
      const key = addressKey(address)
      if (seen.has(key)) return false
      seen.add(key)
      return true
    })
  return { cc: fresh(wanted.cc), bcc: fresh(wanted.bcc) }
}

/** The content with everybody who gets it. */
export const withCopies = (content: Content, copies: Copies): Content => ({
  ...content,
  cc: [...content.cc, ...copies.cc],
  bcc: [...content.bcc, ...copies.bcc],
})

/** How they are kept in the row; null when there are none. */
export const copiesJson = ({ cc, bcc }: Copies): string | null => (cc.length + bcc.length === 0 ? null : JSON.stringify({ cc, bcc }))

/** Whom the agent of an email named, in its three fields. */
export function namedIn(email: Pick<EmailRow, 'to_json' | 'cc_json' | 'bcc_json' | 'copies_json'>): Pick<Content, 'to' | 'cc' | 'bcc'> {
  const copies = copiesIn(email)
  const own = (json: string, added: readonly Address[]): Address[] =>
    (JSON.parse(json) as HeaderAddress[]).map(({ address }) => address as Address).filter((address) => !added.includes(address))
  return { to: own(email.to_json, []), cc: own(email.cc_json, copies.cc), bcc: own(email.bcc_json, copies.bcc) }
}

/** The recipients of its envelope whom its agent named. */
export function namedPaths(email: Pick<EmailRow, 'reverse_path' | 'forward_paths_json' | 'copies_json'>): Address[] {
  const { cc, bcc } = copiesIn(email)
  return envelopeOf(email).forwardPaths.filter((path) => !cc.includes(path) && !bcc.includes(path))
}
