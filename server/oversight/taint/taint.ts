/**
 * Where the parts of an outgoing mail come from (docs/decisions/023-what-the-agent-had-read.md). Pure, and without guesses: what is named here stands, but for its
 * form, letter by letter in a text that the agent was shown. What was put in other words is not found; so this is evidence for a person and a fact for a rule,
 * never a proof that a mail is clean.
 */
import { domainToUnicode } from 'node:url'
import type { EmailId, MailboxId, ThreadId } from '../../model/ids.ts'
import { type MarkKind, comparable, readMarks } from './marks.ts'

export const places = ['visible', 'hidden', 'attachment'] as const
/** Where in a source: text that a person sees, text that its sender hid, a file. */
export type Place = (typeof places)[number]

export const findingKinds = ['recipient', 'address', 'link', 'number', 'file', 'text'] as const
export type FindingKind = (typeof findingKinds)[number]

export type Finding = {
  kind: FindingKind
  /** as it stands in the outgoing mail; its beginning when it is long */
  excerpt: string
  emailId: EmailId
  threadId: ThreadId
  mailboxId: MailboxId
  place: Place
}

export type Taint = {
  fromOtherThread: boolean
  fromHiddenText: boolean
  fromAttachment: boolean
  evidence: readonly Finding[]
  /** findings beyond those */
  more: number
  /** false: limits cut the search short, and what was not found may be there all the same */
  lookedAtAll: boolean
  /** epoch ms: all that was shown since then was looked at; null: all that ever was, or, where not all was looked at, that is not known */
  lookedBackTo: number | null
  /** emails that were looked at */
  sources: number
}

export type OutgoingMail = {
  /** the thread it is filed in */
  threadId: ThreadId
  subject: string
  /** as the agent wrote it */
  text: string
  recipients: readonly string[]
  files: readonly { name: string; hash: string }[]
}

/** A mail that may be where something comes from. */
export type Source = {
  emailId: EmailId
  threadId: ThreadId
  mailboxId: MailboxId
  /** what its sender is called by; null: it is our own, which only says what its thread knows already */
  from: string | null
  parts: readonly { place: Place; text: string }[]
  /** hashes */
  files: readonly string[]
}

/** Of the outgoing mail: in characters, of things, of runs of words. What is beyond is not looked at. */
const [longestText, mostMarks, mostRuns] = [264_192, 5000, 100_000]
const [mostFindings, longestExcerpt] = [20, 160]

/** What is known of one thing in the outgoing mail: whether its own thread has it, and which source was the first to have it where. */
type Sightings = { isOwn: boolean; isSender: boolean } & Record<Place, Source | null>
/** `from`, `to`: where it stands first in the text; both 0 when it is no part of that. */
type Thing = Run & { kind: FindingKind; excerpt: string }
type Run = Sightings & { from: number; to: number }

export type Comparison = {
  /** The text of one that is longer is cut: say so in `result`. */
  look(source: Source): void
  result(search: { isCut: boolean; lookedBackTo: number | null }): Taint
}

export function compareWith(mail: OutgoingMail): Comparison {
  const things = new Map<string, Thing>()
  const runs = createRuns<Run>()
  let [isCut, sources] = [false, 0]

  const add = (key: string, kind: FindingKind, excerpt: string, from = 0, to = 0): void => {
    if (things.has(key)) return
    if (things.size >= mostMarks) isCut = true
    else things.set(key, { kind, excerpt: excerpt.slice(0, longestExcerpt).toWellFormed(), from, to, ...unseen })
  }
  // First: whom it goes to is no news to them, wherever else it stands.
  for (const recipient of mail.recipients) {
    add(keyOf('address', recipient.toLowerCase()), 'recipient', recipient)
    const thing = things.get(keyOf('address', recipient.toLowerCase()))
    // People write a domain with its letters (RFC 5890 §2.3.2.1).
    if (thing !== undefined) things.set(keyOf('address', inLetters(recipient)), thing)
  }
  for (const { name, hash } of mail.files) add(keyOf('file', hash), 'file', name)
  const outgoing = comparable(`${mail.subject}\n\n${mail.text}`, longestText)
  const isRead = readMarks(outgoing.text, {
    mark: (kind, key, from, to) => add(keyOf(kind, key), kind, outgoing.text.slice(from, to), from, to),
    run(first, second, from, to) {
      if (!runs.add(first, second, { from, to, ...unseen })) isCut = true
    },
  })
  if (!isRead) isCut = true

  return {
    look(source) {
      sources += 1
      const isOwn = source.threadId === mail.threadId
      const note = (seen: Sightings | undefined, place: Place): void => {
        if (seen === undefined) return
        if (isOwn && place === 'visible') seen.isOwn = true
        else if (source.from !== null) seen[place] ??= source
      }
      if (source.from !== null) {
        const sender = things.get(keyOf('address', source.from.toLowerCase()))
        if (sender?.kind === 'recipient') sender.isSender = true
        else note(sender, 'visible')
      }
      for (const hash of source.files) note(things.get(keyOf('file', hash)), isOwn ? 'visible' : 'attachment')
      for (const { place, text } of source.parts) {
        const read = {
          mark: (kind: MarkKind, key: string) => note(things.get(keyOf(kind, key)), place),
          run: (first: number, second: number) => note(runs.find(first, second), place),
        }
        if (!readMarks(comparable(text, longestText).text, read)) isCut = true
      }
    },
    result(search) {
      const all = [...foundThings(new Set(things.values())), ...foundRuns(runs.all(), outgoing.text)]
      const found = all.filter(isWhole())
      const order = ({ kind }: Finding): number => findingKinds.indexOf(kind)
      return {
        fromOtherThread: all.some(({ source }) => source.threadId !== mail.threadId),
        fromHiddenText: all.some(({ place }) => place === 'hidden'),
        fromAttachment: all.some(({ place }) => place === 'attachment'),
        evidence: found
          .map(finding)
          .toSorted((one, another) => order(one) - order(another))
          .slice(0, mostFindings),
        more: Math.max(0, found.length - mostFindings),
        lookedAtAll: !isCut && !outgoing.isCut && !search.isCut,
        lookedBackTo: search.lookedBackTo,
        sources,
      }
    },
  }
}

function inLetters(address: string): string {
  const at = address.lastIndexOf('@') + 1
  return (address.slice(0, at) + domainToUnicode(address.slice(at))).normalize('NFKC').toLowerCase()
}

/** By two hashes, of which 53 bits are kept; most that is asked for is not there, and told so by a few bits. */
function createRuns<T>() {
  const runs = new Map<number, T>()
  const likely = new Uint8Array(0x1_0000)
  const keyOfRun = (first: number, second: number): number => (first >>> 0) * 0x20_0000 + (second >>> 11)
  return {
    /** Again is no change. @returns false when there is no room */
    add(first: number, second: number, run: T): boolean {
      const key = keyOfRun(first, second)
      if (runs.has(key)) return true
      if (runs.size >= mostRuns) return false
      likely[first & 0xffff] = 1
      runs.set(key, run)
      return true
    },
    find: (first: number, second: number): T | undefined => (likely[first & 0xffff] === 1 ? runs.get(keyOfRun(first, second)) : undefined),
    all: () => runs.values(),
  }
}

const unseen: Sightings = { isOwn: false, isSender: false, visible: null, hidden: null, attachment: null }
const keyOf = (kind: MarkKind | 'file', key: string): string => `${kind} ${key}`

/** Where it comes from; null: its own thread has it, or nobody. What can be seen somewhere needs no hidden text to be known. */
function originOf(seen: Sightings): { source: Source; place: Place } | null {
  if (seen.isOwn) return null
  // People who write to us say where they are reached: to write to them is no discovery.
  if (seen.visible !== null && !seen.isSender) return { source: seen.visible, place: 'visible' }
  if (seen.hidden !== null) return { source: seen.hidden, place: 'hidden' }
  return seen.attachment === null ? null : { source: seen.attachment, place: 'attachment' }
}

type Found = { kind: FindingKind; excerpt: string; from: number; to: number; source: Source; place: Place }

const finding = ({ kind, excerpt, source: { emailId, threadId, mailboxId }, place }: Found): Finding => ({
  kind,
  excerpt,
  emailId,
  threadId,
  mailboxId,
  place,
})

/** Those that stand in the text in its order, of two that begin together the longer one first. */
function foundThings(things: Iterable<Thing>): Found[] {
  const found: Found[] = []
  for (const thing of things) {
    const origin = originOf(thing)
    if (origin !== null) found.push({ kind: thing.kind, excerpt: thing.excerpt, from: thing.from, to: thing.to, ...origin })
  }
  return found.toSorted((one, other) => one.from - other.from || other.to - one.to)
}

/** Tells of one after the other whether it is no mere part of what came before: of the groups of a number, of a link. */
function isWhole(): (found: Found) => boolean {
  let end = 0
  return ({ kind, to }) => {
    if (kind === 'number' && to <= end) return false
    if (kind === 'number' || kind === 'link') end = Math.max(end, to)
    return true
  }
}

/** Runs that overlap are one finding. */
function foundRuns(runs: Iterable<Run>, text: string): Found[] {
  const found: Found[] = []
  for (const run of runs) {
    const origin = originOf(run)
    if (origin === null) continue
    const last = found.at(-1)
    if (last !== undefined && last.source === origin.source && last.place === origin.place && run.from <= last.to)
      last.to = Math.max(last.to, run.to)
    else found.push({ kind: 'text', excerpt: '', from: run.from, to: run.to, ...origin })
  }
  return found.map((one) => ({ ...one, excerpt: text.slice(one.from, Math.min(one.to, one.from + longestExcerpt)).toWellFormed() }))
}
