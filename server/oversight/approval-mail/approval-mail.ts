/**
 * Approval by mail: people are told of what waits, with a link for each email (docs/decisions/026-people.md).
 *
 * Promises: a link is for one hold, one content and one person, decides once, and not after the hold is over; of it there is a hash only. It goes nowhere where
 * an agent reads, and to nobody whose own mail it is about. A person gets one letter in five minutes at most, however much waits; none in their
 * quiet hours, but when their turn comes because others did not decide, or something expires before they could act on it. The test world mails nothing.
 */
import { randomBytes } from 'node:crypto'
import type { Address } from '../../model/address.ts'
import { sha256 } from '../../model/canonical.ts'
import { hasCome } from '../../model/has-come.ts'
import type { PersonId } from '../../model/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { lockAccount } from '../../store/accounts.ts'
import {
  type ApprovalLinkRow,
  endLink,
  hasUrgent,
  linkByToken,
  markRestTold,
  markTold,
  peopleToTell,
  removeLinksBefore,
  untold,
} from '../../store/approval-links.ts'
import type { Store, Tx } from '../../store/db.ts'
import { emailById, envelopeOf } from '../../store/emails.ts'
import { type HoldRow, holdById, latestHold } from '../../store/holds.ts'
import { type NewLogEntry, appendLog } from '../../store/log.ts'
import { mailboxById } from '../../store/mailboxes.ts'
import { isReadHere } from '../../store/operator-address.ts'
import { insertOperatorMail } from '../../store/operator-mails.ts'
import { type PersonRow, changePerson, personById } from '../../store/people.ts'
import { mayDecide } from '../authority.ts'
import { writersOf } from '../writers.ts'
import { type Notice, noticeLetter } from './notice-letter.ts'
import { quietUntil } from '../../model/quiet-hours.ts'

const minute = 60_000
const day = 24 * 60 * minute
export const noticeEveryMs = 5 * minute
/** In one letter; who has more to decide on signs in. */
export const mostLinks = 10
const mostPeople = 500
/** Some of which may be over by now, or the person's own. */
const mostLookedAt = 40
const keptMs = 30 * day
/** Behind quiet hours: what expires before is told in them. */
const timeToActMs = 60 * minute

/** Why a link does nothing. gone: there is none, its person is not any more, or it was used. over: what it is about was decided or expired. changed: that is
 *  another content now. */
export type LinkProblem = 'gone' | 'over' | 'changed'
export type FoundLink = { link: ApprovalLinkRow; person: PersonRow }

export type ApprovalMail = {
  /** Each minute. */
  readonly jobs: readonly { name: string; schedule: string; work(now: number): Promise<void> }[]
  /** Changes nothing. @param token what the link holds */
  find(token: string): Promise<FoundLink | LinkProblem>
  /** In the transaction of the decision. @returns what goes on the record behind it, since appending locks the log; null when it was used meanwhile */
  spend(tx: Tx, found: FoundLink): Promise<NewLogEntry | null>
}

/** `sends` false: nobody is told. `onMail`: called once a letter is in the store. */
export type ApprovalMailDeps = { store: Store; clock: Clock; log: Log; publicUrl: string; sends: boolean; onMail?: () => void }

export function createApprovalMail(deps: ApprovalMailDeps): ApprovalMail {
  const { store, clock } = deps
  return {
    jobs: [
      { name: 'approval-mail', schedule: '* * * * *', work: (now) => tellAll(deps, now) },
      { name: 'approval-mail-cleaning', schedule: '13 5 * * *', work: (now) => removeLinksBefore(store.db, now - keptMs) },
    ],
    find: (token) => find(deps, token),
    async spend(tx, { link, person }) {
      if (!(await endLink(tx, link, clock.now()))) return null
      const actor = { kind: 'person', accountId: person.account_id, world: 'live', personId: person.id, role: person.role } as const
      const resource = { resourceType: 'email', resourceId: link.email_id, metadata: { hold_id: link.hold_id } }
      return { at: clock.now(), actor, tenancy: actor, action: 'person.link_used', ...resource }
    },
  }
}

async function tellAll(deps: ApprovalMailDeps, now: number): Promise<void> {
  let mailed = false
  let after: PersonId | null = null
  for (;;) {
    const people: PersonId[] = await peopleToTell(deps.store.db, { now, after, limit: mostPeople })
    for (const id of people) {
      try {
        mailed = (await tell(deps, id, now)) || mailed
      } catch (error) {
        // One broken row must not keep the others untold.
        deps.log.error({ personId: id, err: error }, 'person.telling-failed')
      }
    }
    after = people.at(-1) ?? null
    if (people.length < mostPeople) break
  }
  if (mailed) deps.onMail?.()
}

/** @returns whether a letter was written */
const tell = ({ store, publicUrl, sends }: ApprovalMailDeps, id: PersonId, now: number): Promise<boolean> =>
  store.transaction(async (tx) => {
    const found = await personById(tx, id)
    const account = found && (await lockAccount(tx, found.account_id))
    const person = await personById(tx, id)
    const mayBeTold = sends && account !== undefined && person !== undefined && !(await isReadHere(tx, person.address))
    if (mayBeTold && person.told_at !== null && hasCome(now)(person.told_at) && now < person.told_at + noticeEveryMs) return false
    const until = mayBeTold ? quietFor(person, now) : null
    // What waits is told when they are over, in one letter.
    if (until !== null && !(await hasUrgent(tx, id, now, until + timeToActMs))) return false
    const notices: Notice[] = []
    let escalated = 0
    for (const row of mayBeTold ? await untold(tx, id, now, mostLookedAt) : []) {
      if (notices.length === mostLinks) break
      const notice = await noticeOf(tx, row, now)
      // Such a link is nobody's signing in, and what waits for two people asks for that.
      const token = notice === null || notice.people > 1 ? null : randomBytes(32).toString('base64url')
      const link = token === null ? null : new URL(`/approve/${token}`, publicUrl).href
      if (notice !== null && row.due_at > row.created_at) escalated += 1
      if (notice !== null) notices.push({ ...notice, holdId: row.hold_id, link })
      await markTold(tx, row, { told_at: now, token_hash: token === null ? null : sha256(token) })
    }
    const more = await markRestTold(tx, id, now)
    if (!mayBeTold || notices.length === 0) return false
    await changePerson(tx, id, { told_at: now })
    const letter = noticeLetter({ account: account.name, notices, more, page: new URL('/session', publicUrl).href })
    const giveUpAt = Math.max(...notices.map(({ expiresAt }) => expiresAt))
    await insertOperatorMail(tx, { accountId: account.id, recipient: person.address, ...letter, now, giveUpAt })
    const [actor, tenancy] = [{ kind: 'system', part: 'oversight' } as const, { accountId: account.id, world: 'live' } as const]
    const metadata = { hold_ids: notices.map(({ holdId }) => holdId), more, escalated, in_quiet_hours: until !== null }
    await appendLog(tx, { at: now, actor, tenancy, action: 'person.notified', resourceType: 'person', resourceId: id, metadata })
    return true
  })

/** Until when they want no letters (epoch ms); null: they may have one. */
const quietFor = ({ time_zone: zone, quiet_from: from, quiet_to: to }: PersonRow, now: number): number | null =>
  zone === null || from === null || to === null ? null : quietUntil({ zone, from, to }, now)

/** Null: it does not wait any more, or this person may not decide on it. */
async function noticeOf(tx: Tx, row: ApprovalLinkRow, now: number): Promise<Omit<Notice, 'link' | 'holdId'> | null> {
  const [hold, email] = [await holdById(tx, row.hold_id), await emailById(tx, row.email_id)]
  if (hold === undefined || email === undefined || !isOpen(hold, now)) return null
  const parts = { by: { key: null, person: row.person_id }, writers: await writersOf(tx, email) }
  if (!mayDecide({ kind: 'person' }, parts, false).ok) return null
  const to: readonly Address[] = hold.direction === 'outbound' ? envelopeOf(email).forwardPaths : []
  const mailbox = (await mailboxById(tx, email.mailbox_id))?.address ?? ''
  return {
    subject: email.subject,
    mailbox,
    direction: hold.direction,
    to,
    reason: hold.reason,
    expiresAt: hold.expires_at,
    people: hold.people,
  }
}

const isOpen = (hold: HoldRow, now: number): boolean => hold.state === 'open' && now < hold.expires_at

async function find({ store: { db }, clock }: ApprovalMailDeps, token: string): Promise<FoundLink | LinkProblem> {
  if (!/^[\w-]{43}$/.test(token)) return 'gone'
  const link = await linkByToken(db, sha256(token))
  const person = link === undefined ? undefined : await personById(db, link.person_id)
  if (link === undefined || person === undefined) return 'gone'
  const [hold, latest] = [await holdById(db, link.hold_id), await latestHold(db, link.email_id)]
  if (latest !== undefined && isOpen(latest, clock.now()) && (latest.id !== link.hold_id || latest.content_hash !== link.content_hash))
    return 'changed'
  if (hold === undefined || !isOpen(hold, clock.now())) return 'over'
  return link.ended_at === null ? { link, person } : 'gone'
}
