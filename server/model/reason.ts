/**
 * One thing that spoke for or against an arriving message. Reasons are kept with the email and shown wherever it is: to the reviewer, the
 * agent and the operator.
 */
export type Reason = {
  /** a short fixed word such as `dmarc-fail` or `hidden-text`; docs/verdicts.md lists them */
  code: string
  /** what it adds to the spam score; below 0 it speaks for the message, 0 is a fact worth knowing */
  points: number
  /** our own words, for a person */
  words: string
  /** what exactly was found, such as a domain. A stranger may have chosen it: at most 200 printable characters, shown as untrusted text */
  detail: string | null
}
