/** What a reviewer may answer to an email that waits. redo: a no that asks for another version. */
export const decisionActions = ['approve', 'reject', 'redo'] as const
export type DecisionAction = (typeof decisionActions)[number]

/** Why a reviewer turned an email down, in a word that a program can act on; the words are for people and models. */
export const rejectionCodes = [
  'wrong_recipient',
  'wrong_facts',
  'tone',
  'sensitive_data',
  'suspicious_input',
  'needs_attachment',
  'too_early',
  'not_needed',
  'not_allowed',
  'other',
] as const
export type RejectionCode = (typeof rejectionCodes)[number]

export const rejectionWords: Readonly<Record<RejectionCode, string>> = {
  wrong_recipient: 'It goes to somebody it should not go to',
  wrong_facts: 'Something in it is not so',
  tone: 'It is not said as it should be',
  sensitive_data: 'It says what should not leave',
  suspicious_input: 'It follows what a stranger wrote',
  needs_attachment: 'A file is missing',
  too_early: 'It is too early for it',
  not_needed: 'It need not be said',
  not_allowed: 'It is not allowed',
  other: 'Another reason',
}
