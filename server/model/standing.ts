/** How far it has gone with a mailbox whose mail bounces or is complained about, in the words of the public contract (§12.2), mildest first. */
export const enforcementTiers = ['warning', 'restriction', 'suspension', 'termination'] as const
export type EnforcementTier = (typeof enforcementTiers)[number]

const rank = (tier: EnforcementTier | null): number => (tier === null ? -1 : enforcementTiers.indexOf(tier))

export const isWorse = (tier: EnforcementTier, than: EnforcementTier | null): boolean => rank(tier) > rank(than)

/** In a tier from here on an agent asks before it sends, whatever its mailbox allowed before. */
export const asksFirst = (tier: EnforcementTier): boolean => rank(tier) >= rank('restriction')
/** In a tier from here on nothing new is taken. */
export const isSendingDisabled = (tier: EnforcementTier): boolean => rank(tier) >= rank('suspension')
