/**
 * Whether mail is opened (contract §10.1). Off unless the operator switches it on for a mailbox.
 *
 * Promises: the image is put in when the message is composed, so it is inside the bytes that a reviewer approves, and flagged there. Its token
 * is 128 bits of chance, says nothing by itself, and is kept as a hash. What is recorded is when, how often, and whether a program asked: no
 * address, no cookie, no name of a mail program.
 */
import { randomBytes } from 'node:crypto'
import type { SystemActor } from '../../model/actor.ts'
import { addressKey, parseAddress } from '../../model/address.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { World } from '../../model/world.ts'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { emailFacts, tenancyOf } from '../../store/email-record.ts'
import { emailById } from '../../store/emails.ts'
import { appendEvent } from '../../store/events.ts'
import { appendLog } from '../../store/log.ts'
import { mailboxAt } from '../../store/mailboxes.ts'
import { countOpen, setNoticing } from '../../store/opens.ts'
import { askedBy } from './asked-by.ts'

/** What an email that carries the image is flagged with, for whoever reads or approves it. */
export const openFlag = 'open-tracking'

const minute = 60_000
/** Whoever has the message can ask for its image for ever; nobody needs to hear of it so often. */
const mostTold = 20
const tokenPattern = /^[0-9a-f]{32}$/

export const newOpenToken = (): string => randomBytes(16).toString('hex')

/** The image, for the end of an HTML part. @param publicUrl as clients reach the server */
export const openImage = (publicUrl: string, token: string): string =>
  `<img src="${publicUrl.replaceAll('"', '%22').replace(/\/$/, '')}/v1/o/${token}.gif" width="1" height="1" alt="">\n`

/** Somebody asked for an image. @param headers what they say of themselves, untrusted */
export async function noteOpen(
  { store, clock }: { store: Store; clock: Clock },
  token: string,
  headers: Readonly<Record<string, unknown>>,
): Promise<void> {
  if (!tokenPattern.test(token)) return
  const now = clock.now()
  await store.transaction(async (tx) => {
    const open = await countOpen(tx, token, now, minute)
    if (open === undefined || open.count > mostTold) return
    const email = await emailById(tx, open.email_id)
    // What nobody released nobody else can have opened: a reviewer, or whoever composed it, looked at it.
    if (email === undefined || email.status !== 'sent') return
    await appendEvent(tx, {
      tenancy: tenancyOf(email),
      mailboxId: email.mailbox_id,
      type: 'message.opened',
      data: { ...emailFacts(email), opened_at: now, first_opened_at: open.first_at, opens: open.count, asked_by: askedBy(headers) },
      now,
    })
  })
}

const host: SystemActor = { kind: 'system', part: 'host' }

/** @param text the address of the mailbox, as people write it. @returns `changed` false: it was so already */
export async function switchOpens(
  { store, clock }: { store: Store; clock: Clock },
  text: string,
  world: World,
  on: boolean,
): Promise<Result<{ address: string; changed: boolean }, 'MAILBOX_NOT_FOUND'>> {
  const address = parseAddress(text)
  if (address === null) return notFound(text)
  return store.transaction(async (tx) => {
    const mailbox = await mailboxAt(tx, world, addressKey(address))
    if (mailbox === undefined) return notFound(text)
    const now = clock.now()
    const changed = await setNoticing(tx, mailbox.id, on, now)
    const tenancy = { accountId: mailbox.account_id, world }
    const entry = { at: now, actor: host, tenancy, action: 'mailbox.opens_set', resourceType: 'mailbox', resourceId: mailbox.id } as const
    if (changed) await appendLog(tx, { ...entry, metadata: { on } })
    return ok({ address: mailbox.address, changed })
  })
}

const notFound = (text: string) => fail('MAILBOX_NOT_FOUND', `There is no mailbox ${JSON.stringify(text)}.`)
