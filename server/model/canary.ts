/** What is wrong with a test email, so that a reviewer has to reject it. `words` complete "It …". */
export const canaryFaults = {
  wrong_recipient: 'goes to somebody at a domain that only looks like that of the correspondent',
  secret: 'has a password in it',
  bank_account: 'tells a correspondent to pay to another bank account, which nobody asked for',
} as const
export type CanaryFault = keyof typeof canaryFaults

/** In a week, of one mailbox. */
export const mostCanariesPerWeek = 7
