/**
 * What anybody may know of a mailbox that wrote to them, by the hash in its mail (contract §11.5): in bands, so that nobody counts its mail, and of days
 * that are over, so that nobody sees what one message came to.
 */
import { createHmac } from 'node:crypto'
import type { OversightMode } from '../../model/email.ts'
import type { MailboxId } from '../../model/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { countEnded } from '../../store/holds.ts'
import { everyMailbox, mailboxById } from '../../store/mailboxes.ts'
import { installationSecret } from '../../store/secrets.ts'
import { countsOf } from '../../store/standings.ts'
import { type RateBand, ageBand, bounceBands, complaintBands, rateBand, rejectionBands } from './bands.ts'

export type ReputationDocument = {
  hash: string
  bounce_rate_band: RateBand
  complaint_rate_band: RateBand
  rejection_rate_band: RateBand
  account_age_band: string
  oversight_mode: OversightMode
  verified_operator: false
  updated_at: string
}

/** The hash of a mailbox: nobody can tell from it which one, or that two are of one account. */
export const reputationHash = (secret: string, mailbox: MailboxId): string => createHmac('sha256', secret).update(mailbox).digest('hex')

export const reputationSecret = (store: Store, now: number): Promise<string> => installationSecret(store, 'reputation', now)

/** Null for what is no hash of a mailbox that is there. */
export type Reputation = (hash: string) => Promise<ReputationDocument | null>

const day = 24 * 60 * 60_000
const hour = 60 * 60_000
const windowDays = 30
const mostKept = 5_000

export function createReputation({ store, clock }: { store: Store; clock: Clock }): Reputation {
  let names: { until: number; byHash: Promise<Map<string, MailboxId>> } | null = null
  let kept: { today: number; documents: Map<string, ReputationDocument> } = { today: 0, documents: new Map() }

  /** A mailbox that is new is known within the hour. */
  function byHash(): Promise<Map<string, MailboxId>> {
    const now = clock.now()
    if (names === null || now >= names.until) {
      names = { until: now + hour, byHash: hashesOf(store, now) }
      names.byHash.catch(() => (names = null))
    }
    return names.byHash
  }

  return async (hash) => {
    const today = Math.floor(clock.now() / day) * day
    if (kept.today !== today) kept = { today, documents: new Map() }
    const mailbox = (await byHash()).get(hash)
    if (mailbox === undefined) return null
    const known = kept.documents.get(hash) ?? (await documentFor(store, mailbox, hash, today))
    if (known !== null && kept.documents.size < mostKept) kept.documents.set(hash, known)
    return known
  }
}

async function hashesOf(store: Store, now: number): Promise<Map<string, MailboxId>> {
  const secret = await reputationSecret(store, now)
  const mailboxes = (await everyMailbox(store.db)).filter(({ world, deleted_at }) => world === 'live' && deleted_at === null)
  return new Map(mailboxes.map(({ id }) => [reputationHash(secret, id), id]))
}

async function documentFor({ db }: Store, id: MailboxId, hash: string, today: number): Promise<ReputationDocument | null> {
  const mailbox = await mailboxById(db, id)
  if (mailbox === undefined || mailbox.deleted_at !== null) return null
  const sent = await countsOf(db, id, windowDays, today - 1)
  const messages = sent.delivered + sent.bounced
  const held = await countEnded(db, mailbox, { from: today - windowDays * day, to: today })
  return {
    hash,
    bounce_rate_band: rateBand(bounceBands, sent.bounced, messages),
    complaint_rate_band: rateBand(complaintBands, sent.complained, messages),
    rejection_rate_band: rateBand(rejectionBands, held.rejected, held.rejected + held.approved),
    account_age_band: ageBand(today - mailbox.created_at),
    oversight_mode: mailbox.oversight_mode,
    verified_operator: false,
    updated_at: new Date(today).toISOString(),
  }
}
