import type { OversightMode } from '../model/email.ts'

/** What each mode means for an operator, in letters to them. */
export const modeMeanings: Record<OversightMode, string> = {
  read_only: 'It may read, and neither draft nor send.',
  gated_all: 'A person decides on each email, arriving or leaving.',
  gated_send: 'It reads freely, and a person approves each email that it sends.',
  gated_new: 'It sends WITHOUT asking to those it has had mail with; a person approves the first email to anybody else.',
  monitored: 'It sends WITHOUT asking; you get a copy of each email.',
  autonomous: 'It sends WITHOUT asking, and nobody gets a copy.',
}
