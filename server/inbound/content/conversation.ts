/**
 * What is odd about a message in the thread that it joins: who writes, where answers go, and who reads along. Pure; the thread's participants come
 * from the store. This is how a stolen conversation looks: the words are right, and one address is not.
 */
import type { HeaderAddress } from '../../model/email.ts'
import type { Reason } from '../../model/reason.ts'
import { freeMail } from './brands.ts'
import { lookOf, isOneOff, likenessOf, nameKey, registeredName } from './look-alike.ts'

export type ConversationFacts = {
  from: HeaderAddress | null
  replyTo: readonly HeaderAddress[]
  to: readonly HeaderAddress[]
  cc: readonly HeaderAddress[]
  /** everybody who wrote or was written to in the thread before this message, ourselves too; [] when it begins a thread */
  participants: readonly HeaderAddress[]
  /** null when it begins a thread */
  threadSubject: string | null
  /** of this message, prefixes and all */
  subject?: string
}

const maxParticipants = 200

type Row = { code: string; points: number; words: string; when: (facts: Known) => string | null }
type Known = ConversationFacts & { author: HeaderAddress; known: ReadonlySet<string>; domains: ReadonlySet<string> }

export const conversationSigns: readonly Row[] = [
  {
    code: 'look-alike-in-thread',
    points: 8,
    words: 'The author has an address that looks like that of somebody in the conversation.',
    when: ({ author, participants, known }) => (known.has(keyOf(author)) ? null : participantLike(author, participants)),
  },
  {
    code: 'namesake-in-thread',
    points: 4,
    words: 'The author bears the name of somebody in the conversation, with another address.',
    when: ({ author, participants, known, domains }) => {
      const name = nameKey(author.name ?? '')
      if (known.has(keyOf(author)) || name === '' || domains.has(organisationOf(author))) return null
      const same = participants.find((one) => nameKey(one.name ?? '') === name)
      return same === undefined ? null : `${author.address} is not ${same.address}`
    },
  },
  {
    code: 'reply-to-changed',
    points: 3,
    words: 'Answers would go to an address that was not in the conversation.',
    when: ({ author, replyTo, known, domains }) =>
      replyTo.find((one) => !known.has(keyOf(one)) && keyOf(one) !== keyOf(author) && !domains.has(organisationOf(one)))?.address ?? null,
  },
  {
    code: 'stranger-in-thread',
    points: 2,
    words: 'The author was not in the conversation before.',
    when: ({ author, known, domains }) => (known.has(keyOf(author)) || domains.has(organisationOf(author)) ? null : author.address),
  },
  {
    code: 'new-reader-in-thread',
    points: 0,
    words: 'It is also for somebody who was not in the conversation before.',
    when: ({ to, cc, known, domains }) =>
      [...to, ...cc].find((one) => !known.has(keyOf(one)) && !domains.has(organisationOf(one)))?.address ?? null,
  },
]

/** All that applies; [] for the first message of a thread. */
export function judgeConversation(facts: ConversationFacts): Reason[] {
  if (facts.threadSubject === null || facts.participants.length === 0 || facts.from === null) return []
  const participants = facts.participants.slice(0, maxParticipants)
  const known = new Set(participants.map(keyOf))
  // A colleague of somebody in the conversation is no stranger; two users of a free mail service are.
  const domains = new Set(participants.map(organisationOf).filter((domain) => !freeMail.has(domain)))
  const all: Known = { ...facts, participants, author: facts.from, known, domains }
  return conversationSigns.flatMap(({ code, points, words, when }) => {
    const detail = when(all)
    return detail === null ? [] : [{ code, points, words, detail: detail.slice(0, 200) }]
  })
}

const keyOf = ({ address }: HeaderAddress): string => address.toLowerCase()
const hostOf = (one: HeaderAddress): string => keyOf(one).slice(one.address.lastIndexOf('@') + 1)
const localPart = (one: HeaderAddress): string => keyOf(one).slice(0, one.address.lastIndexOf('@'))
const organisationOf = (one: HeaderAddress): string => registeredName(hostOf(one))?.domain ?? hostOf(one)

/** By its domain, or at the same domain by its local part, which matters where everybody can have one. */
function participantLike(author: HeaderAddress, participants: readonly HeaderAddress[]): string | null {
  const like = likenessOf(hostOf(author), new Set(participants.map(hostOf)))
  if (like !== null) return `${author.address} looks like ${like.known}`
  if (!freeMail.has(hostOf(author))) return null
  const own = lookOf(localPart(author))
  const twin = participants.find((one) => {
    const other = lookOf(localPart(one))
    return hostOf(one) === hostOf(author) && other.length >= 5 && (own === other || isOneOff(own, other))
  })
  return twin === undefined ? null : `${author.address} is not ${twin.address}`
}
