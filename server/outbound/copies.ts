/** Who gets an email besides those whom its agent named: the copies that its mailbox makes. They are part of the envelope that is hashed and approved. Pure. */
import { type Address, addressKey } from '../model/address.ts'
import type { HeaderAddress } from '../model/email.ts'
import type { EmailRow } from '../store/emails.ts'
import { envelopeOf } from '../store/emails.ts'
import { type Content, forwardPaths } from './content.ts'

export type Copies = { cc: readonly Address[]; bcc: readonly Address[] }

/** Those of `cc` and `bcc`, in that order, whom the agent did not name, each once. @param isSuppressed of an address: it gets no mail */
export function copiesFor(named: Pick<Content, 'to' | 'cc' | 'bcc'>, wanted: Copies, isSuppressed: (address: Address) => boolean): Copies {
  const seen = new Set(forwardPaths(named).map(addressKey))
  const fresh = (addresses: readonly Address[]): Address[] =>
    addresses.filter((address) => {
      const key = addressKey(address)
      if (seen.has(key) || isSuppressed(address)) return false
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

const copiesIn = ({ copies_json }: Pick<EmailRow, 'copies_json'>): Copies =>
  copies_json === null ? { cc: [], bcc: [] } : (JSON.parse(copies_json) as Copies)

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
