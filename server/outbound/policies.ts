/**
 * What a policy would have done to what a mailbox handed in lately, asked before it is switched on.
 *
 * Promise: bounded, however much a mailbox sends: the newest `mostEmails` of 30 days, read a few at a time, and the answer says whether that was all. What is
 * known of a moment in the past is used: who was known then, who had a part in the conversation, how much had been sent. What is not (the standing of the
 * mailbox, the allow-list, a contact of whom somebody is known only since) is as it is now.
 */
import { type Address, addressKey } from '../model/address.ts'
import type { ThreadId } from '../model/ids.ts'
import { type MailFacts, type Policy, periods } from '../model/policy.ts'
import { asksFirst } from '../model/standing.ts'
import { kindsOf } from '../oversight/checks/check.ts'
import { type SendFacts, type Verdict, sendVerdict } from '../oversight/gate.ts'
import { allowedForATime, onList } from '../oversight/allow-list.ts'
import { mayLoosen } from '../oversight/policy/compare.ts'
import { judge } from '../oversight/policy/match.ts'
import { inWords } from '../oversight/policy/words.ts'
import type { Clock } from '../platform/clock.ts'
import { knownSince } from '../store/correspondents.ts'
import type { Store } from '../store/db.ts'
import { type EmailRow, findingsOf, handedIn, participantsOf } from '../store/emails.ts'
import { policyIn } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { standingOf } from '../store/standings.ts'
import { namedPaths } from './copies.ts'
import { carriedBy, countKeys, countsWith } from './policy-facts.ts'

const days = 30
const mostEmails = 500
const atOnce = 50
/** Of texts that are looked at for links and amounts. */
const mostCharacters = 20_000_000
const mostOfThread = 50
const mostNames = 500

type Outcomes = { allow: number; hold: number; refuse: number }
/** `by`: how many each rule would have decided about, in order. `isComplete` false: there was more than was looked at. */
export type Preview = { emails: number; isComplete: boolean; would: Outcomes; now: Outcomes; by: number[]; byMode: number }

export type Policies = {
  preview(mailbox: Row<'mailboxes'>, policy: Policy): Promise<Preview>
  mayLoosen(from: Policy, to: Policy): boolean
  /** Each rule as a sentence. */
  words(policy: Policy): string[]
}

export const createPolicies = ({ store, clock }: { store: Store; clock: Clock }): Policies => ({
  preview: (mailbox, policy) => preview(store, mailbox, policy, clock.now()),
  mayLoosen,
  words: (policy) => policy.map((rule) => `${inWords(rule).replace(/^a/, 'A')}.`),
})

async function preview({ db }: Store, mailbox: Row<'mailboxes'>, policy: Policy, now: number): Promise<Preview> {
  const { emails, isComplete } = await lately(db, mailbox, now)
  const names = [...new Set(emails.flatMap(({ named }) => named))]
  const [since, listed, forATime] = [new Map<string, number>(), new Set<string>(), new Set<string>()]
  for (let from = 0; from < names.length; from += mostNames) {
    const some = names.slice(from, from + mostNames)
    for (const [key, at] of await knownSince(db, mailbox.id, some.map(addressKey))) since.set(key, at)
    for (const key of await onList(db, mailbox.id, some)) listed.add(key)
    // Whose key would write it is not known beforehand.
    for (const key of await allowedForATime(db, mailbox.id, some.map(addressKey), { writers: [], now })) forATime.add(key)
  }
  const standing = await standingOf(db, mailbox.id)
  const mustAsk = standing !== undefined && asksFirst(standing.tier)
  const [sent, current] = [createHistory(), policyIn(mailbox)]
  const seen: Preview = { emails: emails.length, isComplete, would: none(), now: none(), by: policy.map(() => 0), byMode: 0 }
  for (const email of emails) {
    const part = await participantsOf(db, email.thread, mostOfThread, email.id)
    const keys = email.named.map(addressKey)
    const recipients = keys.map((address) => ({
      address,
      known: (since.get(address) ?? Infinity) < email.at,
      inThread: part === null ? null : part.has(address),
      listed: listed.has(address),
    }))
    const facts: MailFacts = {
      ...email.carried,
      recipients,
      findings: email.findings,
      counts: countsWith(keys, email.thread, sent.at(email)),
    }
    sent.add(email)
    const decided = judge(policy, facts)
    if (decided === null) seen.byMode += 1
    else if (decided.rule !== null) seen.by[decided.rule] = (seen.by[decided.rule] ?? 0) + 1
    const asked: Omit<SendFacts, 'policy'> = {
      mustAsk,
      areAllListed: recipients.every(({ address, listed: isListed }) => isListed || forATime.has(address)),
      newcomer: recipients.some(({ known }) => !known)
        ? 'first_contact'
        : recipients.some(({ inThread }) => inThread === false)
          ? 'outsider'
          : null,
      findings: email.findings,
    }
    count(seen.would, sendVerdict(mailbox.oversight_mode, { ...asked, policy: decided }))
    count(seen.now, sendVerdict(mailbox.oversight_mode, { ...asked, policy: current.length === 0 ? null : judge(current, facts) }))
  }
  return seen
}

const none = (): Outcomes => ({ allow: 0, hold: 0, refuse: 0 })
const count = (outcomes: Outcomes, { outcome }: Verdict): void => void (outcomes[outcome] += 1)

type Lately = Pick<MailFacts, 'findings'> & {
  id: EmailRow['id']
  at: number
  thread: ThreadId
  named: Address[]
  carried: ReturnType<typeof carriedBy>
}

/** Without the texts, oldest first. */
async function lately(db: Store['db'], { id }: Row<'mailboxes'>, now: number): Promise<{ emails: Lately[]; isComplete: boolean }> {
  const emails: Lately[] = []
  const since = now - days * periods.day
  let characters = 0
  for (let before: EmailRow['id'] | null = null; ;) {
    const rows: EmailRow[] = await handedIn(db, id, { since, before, limit: atOnce })
    for (const row of rows) {
      if (emails.length >= mostEmails || characters > mostCharacters) return { emails: emails.toReversed(), isComplete: false }
      characters += row.markdown.length
      emails.push({
        id: row.id,
        at: row.received_at,
        thread: row.thread_id,
        named: namedPaths(row),
        findings: kindsOf(findingsOf(row)),
        carried: carriedBy(row),
      })
    }
    before = rows.at(-1)?.id ?? null
    if (rows.length < atOnce) return { emails: emails.toReversed(), isComplete: true }
  }
}

/** What was sent before each of them, by key. */
function createHistory() {
  const sent = new Map<string, { at: number; messages: number }[]>()
  return {
    at({ named, thread, at }: Lately): Map<string, { hour: number; day: number }> {
      const sum = (key: string, period: number): number =>
        (sent.get(key) ?? []).reduce((total, one) => total + (one.at > at - period ? one.messages : 0), 0)
      return new Map(
        countKeys(named.map(addressKey), thread).map((key) => [key, { hour: sum(key, periods.hour), day: sum(key, periods.day) }]),
      )
    },
    add({ named, thread, at }: Lately): void {
      countKeys(named.map(addressKey), thread).forEach((key, index) => {
        const recent = (sent.get(key) ?? []).filter((one) => one.at > at - periods.day)
        sent.set(key, [...recent, { at, messages: index < 2 ? named.length : 1 }])
      })
    },
  }
}
