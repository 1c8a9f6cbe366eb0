import type { LinkClaims } from '../mailbox/attachment-link.ts'
import { attachmentsOf } from '../store/attachments.ts'
import { mailboxById } from '../store/mailboxes.ts'
import { readableEmail } from './access.ts'
import { type AttachmentFacts, factsOf, realTypeOf } from './asked-attachment.ts'
import { OperationError } from './errors.ts'
import type { Rooms } from './procedure.ts'
import { recordRead } from './record.ts'

export type LinkedAttachment = AttachmentFacts & { size_bytes: number }

/** The attachment behind a link, as the key that the link was made with may read it now; that it was read is on the record under that key.
 *  Throws LINK_NOT_GOOD for whatever speaks against it: who has only a link learns nothing else. @param call.isRead false: only its header is asked for */
export async function linkedAttachment(rooms: Rooms, claims: LinkClaims, { isRead }: { isRead: boolean }): Promise<LinkedAttachment> {
  const { store } = rooms
  const actor = await rooms.actorOf(claims.keyId)
  if (actor === null || actor.world !== claims.world || !actor.scopes.includes('read')) throw new OperationError('LINK_NOT_GOOD')
  const [known] = (await attachmentsOf(store.db, [claims.emailId])).filter(({ id }) => id === claims.attachmentId)
  if (known === undefined) throw new OperationError('LINK_NOT_GOOD')
  const realType = await realTypeOf(store, known)
  return store.transaction(async (tx) => {
    const email = await readableEmail(tx, actor, claims.emailId).catch(notGood)
    const mailbox = await mailboxById(tx, email.mailbox_id)
    const attachment = (await attachmentsOf(tx, [email.id])).find(({ id }) => id === claims.attachmentId)
    // Who looks after the record may still read what is in a deleted mailbox, but nobody needs a link to it.
    if (attachment === undefined || mailbox === undefined || mailbox.deleted_at !== null) throw new OperationError('LINK_NOT_GOOD')
    const view = { ...factsOf(attachment, realType), size_bytes: attachment.size }
    if (isRead)
      await recordRead(
        tx,
        { rooms, actor },
        {
          action: 'attachment.read',
          resourceType: 'attachment',
          resourceId: attachment.id,
          view,
          metadata: { email_id: email.id, sha256: attachment.blob_hash, is_inline: false, by_link: true },
        },
      )
    return view
  })
}

function notGood(error: unknown): never {
  throw error instanceof OperationError ? new OperationError('LINK_NOT_GOOD') : error
}
