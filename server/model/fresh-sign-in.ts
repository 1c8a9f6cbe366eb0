/** How long (ms) after signing in somebody may still do what asks for it anew: change what they sign in with, approve what waits for two people. A cookie that was
 *  stolen later is worth neither. */
export const freshForMs = 15 * 60_000

/** One that was written down while the clock was ahead is no fresh one. Times: epoch ms. */
export const isFreshSignIn = (at: number, now: number): boolean => at <= now && now < at + freshForMs
