/** Why an address gets no more mail, in the words of the public contract (§3.5). Stronger ones later: a stronger reason takes a weaker one's place. */
export const suppressionReasons = ['hard_bounce', 'manual', 'unsubscribe', 'complaint'] as const
export type SuppressionReason = (typeof suppressionReasons)[number]
