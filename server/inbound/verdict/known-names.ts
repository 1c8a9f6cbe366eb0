/** Whom a mailbox knows by name, for judging authors that are new to it. */
import type { MailboxId } from '../../model/ids.ts'
import { domainsWrittenTo } from '../../store/correspondents.ts'
import type { Db } from '../../store/db.ts'
import { domainsAround } from '../../store/domains.ts'
import { displayNamesAround } from '../../store/mailboxes.ts'
import type { OurNames } from '../content/known-author.ts'

/** Of each kind; comparing a name takes about a microsecond. */
const most = 500

export async function knownNames(db: Db, mailboxId: MailboxId): Promise<OurNames> {
  const [domains, people, correspondents] = await Promise.all([
    domainsAround(db, mailboxId, most),
    displayNamesAround(db, mailboxId, most),
    domainsWrittenTo(db, mailboxId, most),
  ])
  return { domains, people, correspondents }
}
