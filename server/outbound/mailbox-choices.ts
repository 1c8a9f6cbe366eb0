/** What whoever runs the place chooses for the leaving mail of one mailbox: whether it tells that it was opened, whether its people are told by mail
 *  what became of it, and how much it may be. Each change is on the record, with who made it. */
import type { Actor, SystemActor } from '../model/actor.ts'
import { addressKey, parseAddress } from '../model/address.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { World } from '../model/world.ts'
import type { Clock } from '../platform/clock.ts'
import type { Db, Store, Tx } from '../store/db.ts'
import { type NewLogEntry, appendLogs } from '../store/log.ts'
import { mailboxAt } from '../store/mailboxes.ts'
import { setNotices, wantsNotices } from '../store/notices.ts'
import { noticesOpens, setNoticing } from '../store/opens.ts'
import type { Row } from '../store/schema.ts'
import { type CapKind, setCap } from '../store/send-caps.ts'
import type { Caps } from './pace/caps.ts'
import { capsOf } from './pace/spend.ts'

/** A number, null for no cap, or `standard` for what the settings say. What is left out stays as it is. */
export type CapChange = Partial<Record<CapKind, number | null | 'standard'>>

export type Choices = { opens: boolean; notices: boolean; caps: Caps }
export type ChoiceChange = { opens?: boolean; notices?: boolean; caps?: CapChange }

/** @param caps of the settings */
const choicesOf = async (db: Db, mailbox: Row<'mailboxes'>, caps: Caps): Promise<Choices> => ({
  opens: await noticesOpens(db, mailbox.id),
  notices: await wantsNotices(db, mailbox.id),
  caps: await capsOf(db, mailbox.id, caps),
})

/** @returns what goes on the record at the end of the transaction; [] when it was so already */
async function choose(
  tx: Tx,
  mailbox: Row<'mailboxes'>,
  change: ChoiceChange,
  { actor, now }: { actor: Actor; now: number },
): Promise<NewLogEntry[]> {
  const tenancy = { accountId: mailbox.account_id, world: mailbox.world }
  const about = { at: now, actor, tenancy, resourceType: 'mailbox', resourceId: mailbox.id }
  const entries: NewLogEntry[] = []
  const { opens, notices, caps = {} } = change
  if (opens !== undefined && (await setNoticing(tx, mailbox.id, opens, now)))
    entries.push({ ...about, action: 'mailbox.opens_set', metadata: { on: opens } })
  if (notices !== undefined && (await setNotices(tx, mailbox.id, notices, now)))
    entries.push({ ...about, action: 'mailbox.notices_set', metadata: { on: notices } })
  const limits = Object.entries(caps) as [CapKind, number | null | 'standard'][]
  for (const [kind, most] of limits) await setCap(tx, mailbox.id, kind, most === 'standard' ? undefined : most)
  if (limits.length > 0) entries.push({ ...about, action: 'mailbox.limited', metadata: { ...caps } })
  return entries
}

const host: SystemActor = { kind: 'system', part: 'host' }

/** For commands on the host. @param text the address of the mailbox, as people write it. @returns `changed` false: it was so already */
export async function chooseOnHost(
  { store, clock, caps }: { store: Store; clock: Clock; /** of the settings */ caps: Caps },
  text: string,
  world: World,
  change: ChoiceChange,
): Promise<Result<Choices & { address: string; changed: boolean }, 'MAILBOX_NOT_FOUND'>> {
  const address = parseAddress(text)
  return store.transaction(async (tx) => {
    const mailbox = address === null ? undefined : await mailboxAt(tx, world, addressKey(address))
    if (mailbox === undefined) return fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
    const entries = await choose(tx, mailbox, change, { actor: host, now: clock.now() })
    const choices = await choicesOf(tx, mailbox, caps)
    await appendLogs(tx, entries)
    return ok({ ...choices, address: mailbox.address, changed: entries.length > 0 })
  })
}

/** The choices as a room that callers are handed; whoever calls has checked that the mailbox is theirs to choose for. */
export type MailboxChoices = {
  of(db: Db, mailbox: Row<'mailboxes'>): Promise<Choices>
  /** @returns what is chosen now */
  change(tx: Tx, mailbox: Row<'mailboxes'>, change: ChoiceChange, actor: Actor): Promise<Choices>
}

/** @param deps.caps of the settings */
export const createMailboxChoices = ({ clock, caps }: { clock: Clock; caps: Caps }): MailboxChoices => ({
  of: (db, mailbox) => choicesOf(db, mailbox, caps),
  async change(tx, mailbox, change, actor) {
    const entries = await choose(tx, mailbox, change, { actor, now: clock.now() })
    const choices = await choicesOf(tx, mailbox, caps)
    await appendLogs(tx, entries)
    return choices
  },
})
