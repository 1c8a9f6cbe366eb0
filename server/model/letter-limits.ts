/** How much one mail that an agent writes may hold. The operations say so in their schemas and the composer holds to it, with one set of numbers. */

/** To, Cc and Bcc together, each address once. */
export const maxRecipients = 50
/** Characters. RFC 5322 §2.1.1 limits a line to 998; the public API takes the same number for a subject. */
export const maxSubjectLength = 998
/** Characters of Markdown. */
export const maxMarkdownLength = 262_144
export const maxAttachments = 20
