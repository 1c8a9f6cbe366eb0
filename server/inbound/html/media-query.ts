/**
 * Whether a media query is true for the person we read for: at an ordinary screen, 1,000 px wide, with a light background. Newsletters hide parts
 * on telephones this way, and show others there; what is not understood does not apply (Media Queries 4 §3).
 */
const width = 1_000
const height = 800
const maxLength = 500

const pxOf = (text: string): number => {
  const amount = Number.parseFloat(text)
  return /em\s{0,5}$/.test(text) ? amount * 16 : amount
}

const features: { readonly [name: string]: (value: string) => boolean } = {
  'min-width': (value) => pxOf(value) <= width,
  'max-width': (value) => pxOf(value) >= width,
  'min-device-width': (value) => pxOf(value) <= width,
  'max-device-width': (value) => pxOf(value) >= width,
  'min-height': (value) => pxOf(value) <= height,
  'max-height': (value) => pxOf(value) >= height,
  'prefers-color-scheme': (value) => value === 'light',
  orientation: (value) => value === 'landscape',
}

/** @param query what stands between `@media` and the block; a list is true when one of its members is (§3.1) */
export function mediaApplies(query: string): boolean {
  if (query.length > maxLength) return false
  return query.trim() === '' || query.toLowerCase().split(',').some(isTrue)
}

function isTrue(query: string): boolean {
  const [kind = '', ...conditions] = query
    .split(/\band\b/)
    .map((part) => part.trim())
    .filter((part) => part !== '')
  const all = kind.startsWith('(') ? [kind, ...conditions] : conditions
  return (kind.startsWith('(') || isOurKind(kind)) && all.every(holds)
}

const isOurKind = (kind: string): boolean => {
  const name = kind.replace(/^only\s{1,10}/, '')
  return name === 'screen' || name === 'all'
}

function holds(condition: string): boolean {
  const [, name = '', value = ''] = /^\(\s{0,10}([a-z-]{1,40})\s{0,10}:\s{0,10}([^)]{1,60})\)$/.exec(condition) ?? []
  return features[name]?.(value.trim()) ?? false
}
