/** Authors made to be taken for one of ours or for a correspondent. Pure: who we are and whom we know comes from the store. */
import type { HeaderAddress } from '../../model/email.ts'
import type { Reason } from '../../model/reason.ts'
import { freeMail } from './brands.ts'
import { likenessOf, nameKey, registeredName } from './look-alike.ts'

/** Our own, as the store knows them. `people`: names that our mailboxes write under. `correspondents`: domains we have written to. */
export type OurNames = { domains: readonly string[]; people: readonly string[]; correspondents: readonly string[] }

type Author = { host: string; name: string; ours: OurNames }
type AuthorSign = { code: string; points: number; words: string; when: (author: Author) => string | null }

export const authorSigns: readonly AuthorSign[] = [
  {
    code: 'look-alike-of-ours',
    points: 8,
    words: "The author's domain looks like one of ours.",
    when: ({ host, ours }) => likenessOf(host, ours.domains)?.known ?? null,
  },
  {
    code: 'look-alike-of-known',
    points: 6,
    words: "The author's domain looks like one that we write to.",
    when: ({ host, ours }) => {
      // mail.com is no slip of gmail.com.
      if (freeMail.has(host)) return null
      const like = likenessOf(host, ours.correspondents)
      return like === null || like.how === 'other-ending' ? null : like.known
    },
  },
  {
    code: 'our-domain-in-name',
    points: 5,
    words: 'The author bears the name of our domain.',
    when: ({ name, ours }) => ours.domains.find((domain) => nameKey(name).includes(domain)) ?? null,
  },
  {
    code: 'our-name',
    points: 4,
    words: 'The author bears the name of one of ours, and writes from elsewhere.',
    when: ({ name, ours }) => {
      const key = nameKey(name)
      return key === '' ? null : (ours.people.find((person) => nameKey(person) === key) ?? null)
    },
  },
]

/**
 * What is odd about an author, knowing who we are and whom we know. Nothing for one at our own domains (DMARC judges that) or at a domain that we
 * write to.
 */
export function judgeAuthor(from: HeaderAddress | null, ours: OurNames): Reason[] {
  if (from === null) return []
  const host = from.address.slice(from.address.lastIndexOf('@') + 1).toLowerCase()
  const own = new Set(ours.domains.map((domain) => registeredName(domain)?.domain ?? domain))
  if (own.has(registeredName(host)?.domain ?? host)) return []
  return authorSigns.flatMap(({ code, points, words, when }) => {
    const detail = when({ host, name: from.name ?? '', ours })
    return detail === null ? [] : [{ code, points, words, detail: detail.slice(0, 200) }]
  })
}
