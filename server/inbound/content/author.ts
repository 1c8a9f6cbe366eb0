/** Who a message claims to be from, judged by itself: what needs to know our people and correspondents is in look-alike.ts. */
import type { HeaderAddress } from '../../model/email.ts'
import { freeMail } from './brands.ts'
import type { Evidence } from './evidence.ts'
import { borrowedBrand, brandLikeness, isBait } from './borrowed-names.ts'
import { registeredName } from './look-alike.ts'

type Author = { from: HeaderAddress | null; replyTo: readonly HeaderAddress[] }

export function judgeAuthorFields({ from, replyTo }: Author, evidence: Evidence): void {
  if (from === null) return
  const host = hostOf(from.address)
  const like = brandLikeness(host)
  if (like !== null) evidence.add('look-alike-author', { detail: `${host} is not ${like.known}` })
  const name = registeredName(host)?.name
  if (name !== undefined && isBait(name)) evidence.add('bait-domain', { detail: host })
  const brand = borrowedBrand(from.name ?? '', host)
  if (brand !== null) evidence.add('brand-name', { detail: `${from.name ?? ''} <${from.address}>` })
  const shown = addressIn(from.name ?? '')
  if (shown !== null && organisation(hostOf(shown)) !== organisation(host))
    evidence.add('address-in-name', { detail: `${shown} is not ${from.address}` })
  judgeReplyTo(host, replyTo, evidence)
}

function judgeReplyTo(host: string, replyTo: readonly HeaderAddress[], evidence: Evidence): void {
  const elsewhere = replyTo.find(({ address }) => organisation(hostOf(address)) !== organisation(host))
  if (elsewhere === undefined) return
  const goesToFreeMail = freeMail.has(hostOf(elsewhere.address)) && !freeMail.has(host)
  evidence.add(goesToFreeMail ? 'reply-to-free-mail' : 'reply-elsewhere', { detail: elsewhere.address })
}

const hostOf = (address: string): string => address.slice(address.lastIndexOf('@') + 1).toLowerCase()
const organisation = (host: string): string => registeredName(host)?.domain ?? host

/** What looks like an address in a display name. */
function addressIn(name: string): string | null {
  const word = name
    .slice(0, 300)
    .split(/[\s<>"'(),;]+/)
    .find((part) => part.includes('@') && part.lastIndexOf('.') > part.indexOf('@') + 1)
  return word ?? null
}
