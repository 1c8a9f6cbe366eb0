/** Why an attempt is broken off, as the reason of its AbortSignal. */

/** Sending was stopped, or the delivery taken back. What has been sent in full is waited for all the same: broken off there, the remote may have it and
 *  nobody would know (RFC 1047). Any other reason ends an attempt wherever it is. */
export const beforeTheDot = 'before the dot'

/** @param isSent whether the whole message has been written */
export const mustEnd = (signal: AbortSignal, isSent: boolean): boolean => signal.aborted && !(isSent && signal.reason === beforeTheDot)
