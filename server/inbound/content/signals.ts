/**
 * What the content of a message can be a sign of, and what that is worth. The points are small integers that add up over signals; from 5 on a
 * message is marked, from 12 on it is out of the agent's sight (../verdict/doubts.ts). docs/content-signals.md shows the table with its figures.
 */

/** `each` for every kind of sign, `most` for all together; `quoted` when it stands in quotation marks or quoted lines, `mentioned` in an article about such
 *  letters; `hidden` when it is kept from being seen. */
export type Worth = { each: number; most: number; quoted: number; mentioned: number; hidden: number }
export type Signal = { words: string; worth: Worth }

/** Signs that are what they are, wherever they stand. */
const plain = (each: number, most = each): Worth => ({ each, most, quoted: each, mentioned: each, hidden: each })

/** Signs that are worth little when somebody warns of them. */
const spoken = (each: number, most: number): Worth => ({ each, most, quoted: 1, mentioned: 1, hidden: most })

export const signals = {
  // Instructions to a program
  'instruction-override': {
    words: 'It tells a program to forget its instructions.',
    worth: { each: 5, most: 6, quoted: 3, mentioned: 1, hidden: 8 },
  },
  'assistant-addressed': {
    words: 'It speaks to an AI assistant rather than to a person.',
    worth: { each: 4, most: 5, quoted: 1, mentioned: 0, hidden: 6 },
  },
  'assistant-ordered': {
    words: 'It asks an assistant to do something.',
    worth: { each: 0, most: 0, quoted: 0, mentioned: 0, hidden: 6 },
  },
  'role-play': {
    words: 'It asks a program to play a role without rules.',
    worth: { each: 4, most: 5, quoted: 1, mentioned: 0, hidden: 6 },
  },
  'prompt-extraction': {
    words: 'It asks a program to show its instructions.',
    worth: { each: 5, most: 6, quoted: 2, mentioned: 0, hidden: 8 },
  },
  exfiltration: {
    words: 'It asks to send or reveal messages, contacts or secrets.',
    worth: { each: 4, most: 6, quoted: 2, mentioned: 0, hidden: 6 },
  },
  secrecy: {
    words: 'It asks to act without approval, or not to tell the people in charge.',
    worth: { each: 3, most: 5, quoted: 1, mentioned: 0, hidden: 5 },
  },
  'tool-call': { words: 'It asks to call a tool.', worth: { each: 4, most: 5, quoted: 1, mentioned: 0, hidden: 6 } },
  'tool-named': { words: 'It names a tool of this server.', worth: { each: 1, most: 1, quoted: 0, mentioned: 0, hidden: 4 } },
  'fake-boundary': {
    words: 'It imitates the marks that keep mail apart from instructions.',
    worth: { each: 5, most: 6, quoted: 3, mentioned: 1, hidden: 6 },
  },
  'fake-turn': {
    words: 'It imitates the turns of a conversation with an assistant.',
    worth: { each: 4, most: 4, quoted: 2, mentioned: 1, hidden: 6 },
  },
  'chat-markup': {
    words: 'It has the marks that language models use for system or tool messages.',
    worth: { each: 5, most: 6, quoted: 3, mentioned: 1, hidden: 8 },
  },
  'encoded-instructions': { words: 'It has instructions to a program in an encoding.', worth: plain(8) },
  'disguised-words': { words: 'Words in instructions to a program are written so that a filter would miss them.', worth: plain(4) },
  'invisible-message': { words: 'It has text written in invisible characters.', worth: plain(8) },
  'alternative-differs': { words: 'Its plain text says something other than what a person is shown.', worth: plain(2) },

  // What is kept from being seen
  'hidden-preview': { words: 'It begins with text for the preview line that is not shown in the letter.', worth: plain(0) },
  'hidden-text': { words: 'It has text that is kept from being seen.', worth: plain(2) },
  'hidden-letter': { words: 'It has whole sentences that are kept from being seen and say something else.', worth: plain(5) },
  'hidden-ink': { words: 'It has text in the colour of its background, too small to read or outside of the page.', worth: plain(3) },
  'invisible-characters': { words: 'It has long runs of invisible characters.', worth: plain(3) },
  'direction-override': { words: 'It has characters that turn the order of letters around.', worth: plain(3) },
  'split-words': { words: 'Invisible characters stand within its words.', worth: plain(3) },
  'mixed-script': { words: 'Letters of several scripts are mixed within its words.', worth: plain(2, 4) },

  // Links
  'link-mismatch': { words: 'A link shows one address and leads to another.', worth: plain(4) },
  'link-tracked': { words: "A link shows the sender's address and leads elsewhere, as those of newsletters do.", worth: plain(1) },
  'link-look-alike': { words: 'A link leads to an address that looks like a known one.', worth: plain(5) },
  'bait-domain': { words: 'The domain of its author or of a link is made of words such as login, secure or verify.', worth: plain(2) },
  'link-ip': { words: 'A link leads to a bare IP address.', worth: plain(4) },
  'link-userinfo': { words: 'A link has a name before an @ that hides where it leads.', worth: plain(5) },
  'link-script': { words: 'A link would run or show content of its own.', worth: plain(4) },
  'link-mixed-script': { words: 'The host of a link mixes letters of several scripts.', worth: plain(4) },
  'link-punycode': { words: 'The host of a link has letters beyond the Latin ones.', worth: plain(1) },
  'link-shortened': { words: 'A link goes through a service that hides where it leads.', worth: plain(1) },
  'link-redirect': { words: 'A link names another link that it leads on to.', worth: plain(1) },
  'password-form': { words: 'It asks for a password in a form.', worth: plain(5) },
  form: { words: 'It has a form to fill in.', worth: plain(1) },

  // Who it claims to be from
  'look-alike-author': { words: "The author's domain looks like a known one.", worth: plain(5) },
  'brand-name': { words: 'It bears the name of a company and comes from elsewhere.', worth: plain(4) },
  'address-in-name': { words: "The author's name shows an address that is not the author's.", worth: plain(4) },
  'reply-elsewhere': { words: 'Answers go to another domain than it came from.', worth: plain(1) },
  'reply-to-free-mail': { words: 'It comes from a company, and answers go to a free mailbox.', worth: plain(3) },

  // What it wants
  'credential-request': { words: 'It asks to verify an account, as letters that steal passwords do.', worth: spoken(2, 4) },
  urgency: { words: 'It presses for time.', worth: plain(1) },
  'payment-request': { words: 'It asks for a payment or changes where to pay.', worth: spoken(2, 3) },
  'gift-card': { words: 'It is about gift cards.', worth: plain(2) },
  errand: { words: 'It asks a favour in the way of letters that pretend to come from a superior.', worth: spoken(2, 3) },
  'advance-fee': { words: 'It promises a fortune.', worth: spoken(2, 6) },
  extortion: { words: 'It threatens with a hacked device or a recording.', worth: spoken(2, 6) },

  // Advertising
  'spam-medicine': { words: 'It advertises medicine or diets.', worth: plain(2, 6) },
  'spam-money': { words: 'It promises profits or loans.', worth: plain(2, 6) },
  'spam-gambling': { words: 'It advertises gambling.', worth: plain(2, 6) },
  'spam-marketing': { words: 'It sells ranking and traffic for web sites.', worth: plain(2, 6) },
  'spam-dating': { words: 'It advertises dating.', worth: plain(2, 5) },
  'spam-goods': { words: 'It sells replicas or titles.', worth: plain(2, 5) },
  'spam-wording': { words: 'It is worded like unwanted advertising.', worth: plain(1, 3) },
  'shouting-subject': { words: 'Its subject is in capitals.', worth: plain(1) },
  exclamations: { words: 'Its subject has many exclamation marks or dollars.', worth: plain(1) },
  'random-token': { words: 'Its subject ends with random letters.', worth: plain(1) },
  'image-only': { words: 'It is a picture without a text.', worth: plain(2) },
  'little-text': { words: 'Almost nothing is said in much HTML.', worth: plain(1) },

  // Attachments
  'attachment-program': { words: 'It brings a program.', worth: plain(6) },
  'attachment-double-name': { words: 'An attachment has a name that hides what it is.', worth: plain(6) },
  'attachment-macro': { words: 'It brings a document with a program in it.', worth: plain(4) },
  'attachment-html': { words: 'It brings a web page as an attachment.', worth: plain(2) },
  'attachment-smuggling': { words: 'It brings a web page that builds a file or asks for a password.', worth: plain(5) },
  'attachment-disk-image': { words: 'It brings a disk image.', worth: plain(5) },
  'attachment-password': { words: 'It gives the password of an archive that cannot be looked into.', worth: plain(3) },
  'attachment-encrypted': { words: 'It brings an archive that cannot be looked into.', worth: plain(3) },
} as const satisfies Record<string, Signal>

export type SignalCode = keyof typeof signals
