/** The first and the last characters of what was found: enough for a person to know which it is, too few to use it. */
export const masked = (text: string, first = 4, last = 2): string =>
  text.length < (first + last) * 2 ? `${text.slice(0, 2)}…` : `${text.slice(0, first)}…${text.slice(-last)}`
