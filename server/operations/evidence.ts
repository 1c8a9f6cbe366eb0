import { z } from 'zod'
import { type Decider, reaches } from '../model/actor.ts'
import type { Finding, Taint } from '../oversight/taint/taint.ts'
import { type EmailRow, taintIn } from '../store/emails.ts'
import { OutsideText, isoOrNull } from './views.ts'

/** Where the words of an outgoing mail come from, for reviewers. */
const facts = {
  from_other_thread: z.boolean().describe('Something in it stands in another conversation'),
  from_hidden_text: z.boolean().describe('Something in it stands in text that its sender hid'),
  from_attachment: z.boolean().describe('Something in it stands in a file, or is one'),
  looked_at_all: z
    .boolean()
    .describe('False: limits cut the search short, so what was not found may be there all the same. Paraphrase is never found.'),
}

export const EvidenceSummary = z.strictObject({ ...facts, findings: z.int().describe('How many; review_email names them') })

export const Evidence = z.strictObject({
  ...facts,
  looked_back_to: z
    .string()
    .nullable()
    .describe('All that the agent was shown since then was looked at; null: all that ever was, or it is not known'),
  sources: z.int().describe('Emails that were looked at'),
  findings: z.array(
    z.strictObject({
      kind: z.enum(['recipient', 'address', 'link', 'number', 'file', 'text'] satisfies Finding['kind'][]),
      excerpt: OutsideText.describe('As it stands in this email; its beginning when it is long'),
      place: z
        .enum(['visible', 'hidden', 'attachment'] satisfies Finding['place'][])
        .describe('Where it stands in the email it comes from'),
      email_id: z.string().nullable().describe('The email it comes from; null when that is in a mailbox which this key does not reach'),
      thread_id: z.string().nullable(),
    }),
  ),
  more_findings: z.int().describe('How many there are beyond those'),
})

const factsOf = (taint: Taint): Omit<z.infer<typeof EvidenceSummary>, 'findings'> => ({
  from_other_thread: taint.fromOtherThread,
  from_hidden_text: taint.fromHiddenText,
  from_attachment: taint.fromAttachment,
  looked_at_all: taint.lookedAtAll,
})

/** Null: it is not outgoing, or was handed in before anybody looked. */
export function evidenceSummary(email: EmailRow): z.infer<typeof EvidenceSummary> | null {
  const taint = taintIn(email) as Taint | null
  return taint && { ...factsOf(taint), findings: taint.evidence.length + taint.more }
}

export function evidenceView(actor: Decider, email: EmailRow): z.infer<typeof Evidence> | null {
  const taint = taintIn(email) as Taint | null
  return (
    taint && {
      ...factsOf(taint),
      looked_back_to: isoOrNull(taint.lookedBackTo),
      sources: taint.sources,
      findings: taint.evidence.map(({ kind, excerpt, place, emailId, threadId, mailboxId }) => ({
        kind,
        excerpt,
        place,
        email_id: reaches(actor, mailboxId) ? emailId : null,
        thread_id: reaches(actor, mailboxId) ? threadId : null,
      })),
      more_findings: taint.more,
    }
  )
}
