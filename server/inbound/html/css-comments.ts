/** CSS without its comments (CSS Syntax 3 §4.3.2). Linear. */
export function withoutComments(css: string): string {
  if (!css.includes('/*')) return css
  const parts: string[] = []
  let at = 0
  while (at < css.length) {
    const open = css.indexOf('/*', at)
    if (open < 0) break
    parts.push(css.slice(at, open))
    const close = css.indexOf('*/', open + 2)
    at = close < 0 ? css.length : close + 2
  }
  parts.push(css.slice(at))
  return parts.join(' ')
}
