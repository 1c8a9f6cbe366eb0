/** How far it has gone with a mailbox whose mail bounces or is complained about, in the words of the public contract (§12.2), mildest first. */
export const enforcementTiers = ['warning', 'restriction', 'suspension', 'termination'] as const
export type EnforcementTier = (typeof enforcementTiers)[number]
