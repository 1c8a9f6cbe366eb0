/** What the outgoing checks find in an email before it may leave (oversight/checks). */

/** What each means for an email: `block` refuses it, `hold` has a person decide. The words stand behind "it may contain" or by themselves as a kind. */
export const findings = {
  private_key: { means: 'block', words: 'a private key' },
  access_token: { means: 'block', words: 'an access token or API key' },
  assigned_secret: { means: 'hold', words: 'a password or secret' },
  card_number: { means: 'hold', words: 'a payment card number' },
  bank_account: { means: 'hold', words: 'an IBAN' },
  personal_number: { means: 'hold', words: 'a personal identity number' },
  encoded_data: { means: 'hold', words: 'encoded data that nobody can read' },
  long_link: { means: 'hold', words: 'a link with a great deal of data in it' },
  remote_image: { means: 'hold', words: 'an image that is fetched from elsewhere when it is opened' },
  many_recipients: { means: 'hold', words: 'many recipients who see each other’s addresses' },
  not_looked_at: { means: 'hold', words: 'something that could not be looked into' },
} as const satisfies Record<string, { means: 'block' | 'hold'; words: string }>

export type FindingKind = keyof typeof findings
export const findingKinds = Object.keys(findings) as FindingKind[]

/** `where`: in plain words. `excerpt`: masked, so that a person knows it and nobody can use it; null where there is nothing to show. */
export type Finding = { kind: FindingKind; where: string; excerpt: string | null }
