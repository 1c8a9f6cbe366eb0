/** 95 %, two-sided. */
const z = 1.959_964

/**
 * The lower end of Wilson's interval for a share (E. B. Wilson, 1927): what the share may well be at least, when `hits` of `tries` were seen. Unlike the share
 * itself it says less of a few tries than of many: of 3 of 3 it is 0.44, of 120 of 122 it is 0.94.
 * @returns from 0 to 1; 0 when nothing was tried
 */
export function atLeast(hits: number, tries: number): number {
  if (tries <= 0) return 0
  const share = hits / tries
  const middle = share + (z * z) / (2 * tries)
  const half = z * Math.sqrt((share * (1 - share)) / tries + (z * z) / (4 * tries * tries))
  return Math.min(share, Math.max(0, (middle - half) / (1 + (z * z) / tries)))
}
