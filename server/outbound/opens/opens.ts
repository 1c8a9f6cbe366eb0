/**
 * Whether mail is opened (contract §10.1). Off unless the operator switches it on for a mailbox.
 *
 * Promises: the image is put in when the message is composed, so it is inside the bytes that a reviewer approves, and flagged there. Its token
 * is 128 bits of chance, says nothing by itself, and is kept as a hash. What is recorded is when, how often, and whether a program asked: no
 * address, no cookie, no name of a mail program.
 */
import { randomBytes } from 'node:crypto'
import type { Clock } from '../../platform/clock.ts'
import type { Store } from '../../store/db.ts'
import { emailFacts, tenancyOf } from '../../store/email-record.ts'
import { emailById } from '../../store/emails.ts'
import { appendEvent } from '../../store/events.ts'
import { countOpen } from '../../store/opens.ts'
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
