/** What a held email said before, for reviewers: what of it a reviewer changed, or what it takes the place of. */
import { z } from 'zod'
import { wordDiff } from '../model/word-diff.ts'
import type { Db } from '../store/db.ts'
import { versionsOf } from '../store/email-versions.ts'
import { type EmailRow, findEmail } from '../store/emails.ts'
import { OutsideText, isoTime } from './views.ts'

const Diff = z
  .array(z.strictObject({ kind: z.enum(['same', 'added', 'removed']), text: OutsideText }))
  .nullable()
  .describe('In order; same and removed are together what it said before. Null: too much differs to be shown so')

export const Differences = z.strictObject({
  from: z.enum(['agent_version', 'replaced_email']).describe('agent_version: as its agent wrote it, before a reviewer changed it'),
  email_id: z.string().describe('The email that said so'),
  content_hash: z.string().nullable().describe('Its content hash; get_email_raw has the bytes'),
  subject: Diff,
  text: Diff,
})

export const Versions = z
  .array(
    z.strictObject({
      content_hash: z.string().describe('get_email_raw with it has the bytes'),
      subject: OutsideText,
      body_markdown: OutsideText,
      edited_by: z.string().describe('Who changed it then'),
      edited_at: z.string(),
    }),
  )
  .describe('What it said before each change of a reviewer, the first first: that is its agent’s')

type Told = { versions: z.infer<typeof Versions>; differences: z.infer<typeof Differences> | null }

/** The changes of reviewers first: what its agent wrote is compared with what it replaces where there are none. */
export async function toldOfVersions(db: Db, email: EmailRow): Promise<Told> {
  const rows = email.direction === 'outbound' && email.content_hash !== null ? await versionsOf(db, email.id) : []
  const versions = rows.map((row) => ({
    content_hash: row.content_hash,
    subject: row.subject,
    body_markdown: row.markdown,
    edited_by: row.edited_by,
    edited_at: isoTime(row.edited_at),
  }))
  const [first] = rows
  if (first !== undefined) return { versions, differences: { from: 'agent_version', ...differencesOf({ ...first, id: email.id }, email) } }
  const before =
    email.replaces_id === null ? undefined : await findEmail(db, { accountId: email.account_id, world: email.world }, email.replaces_id)
  return { versions, differences: before === undefined ? null : { from: 'replaced_email', ...differencesOf(before, email) } }
}

type Said = { id: string; content_hash: string | null; subject: string; markdown: string }

const differencesOf = (before: Said, after: Said) => ({
  email_id: before.id,
  content_hash: before.content_hash,
  subject: wordDiff(before.subject, after.subject),
  text: wordDiff(before.markdown, after.markdown),
})
