/** What an operator reads when a reviewer approved a test email. Pure: plain text, words of ours only. */

/** `by`: an actor's id; `fault` completes "It …". */
export type Missed = { address: string; by: string; fault: string; id: string }

export const missedLetter = ({ address, by, fault, id }: Missed): { subject: string; body: string } => ({
  subject: `A test email was approved: ${address}`,
  body: [
    `Among the emails of ${address} that wait for a decision was a test email, which had to be rejected. It was approved.`,
    '',
    `Test email: ${id}. It ${fault}.`,
    `Approved by: ${by}.`,
    '',
    'Nothing was sent: a test email cannot be. The one who approved it was told so.',
    'One that is missed says little. If it happens again, have fewer emails wait, or more people to look at them.',
    '',
    'Do not answer this email: agents may read what comes to this server.',
    '',
  ].join('\n'),
})
