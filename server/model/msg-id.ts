/** Message identifiers (RFC 5322 §3.6.4), kept with their angle brackets: `<left@right>`. */

const maxLength = 998
const inBrackets = /<[^<>\s\p{C}]{1,995}>/gu

/** Every identifier in a Message-ID, In-Reply-To or References value, in order, each once, at most `limit`
 *  (the last ones: those nearest to the message). Text between them, as old programs write it, is passed over. */
export function parseMessageIds(value: string | null | undefined, limit = 100): string[] {
  if (!value) return []
  const found = value.slice(0, 100_000).match(inBrackets) ?? []
  return [...new Set(found.filter((id) => id.length <= maxLength))].slice(-limit)
}

/** The References of a reply (RFC 5322 §3.6.4): the parent's References, or its In-Reply-To when it has only one, then its Message-ID. */
export function referencesForReply(parent: {
  messageId: string | null
  inReplyTo: string | null
  references: readonly string[]
}): string[] {
  const before = parent.references.length > 0 ? parent.references : parseMessageIds(parent.inReplyTo)
  const chain = parent.messageId === null ? [...before] : [...before.filter((id) => id !== parent.messageId), parent.messageId]
  // Keep the root and the nearest ones: a References line without end helps nobody.
  return chain.length <= 50 ? chain : [chain[0] as string, ...chain.slice(-49)]
}
