import type { Hit } from './hit.ts'

const address = /["']?\s{0,9}(?:https?:)?\/\//.source

/**
 * What a program that shows a page fetches without being asked: the sources of elements and of style sheets that lead to another host. A link is none.
 * The first is what says where we are.
 */
const fetched = new RegExp(
  [
    /<(?:\w{1,20}:)?(?:image|use|feimage|link)\s[^<>]{0,2000}?(?<=[\s"'/])(?:\w{1,20}:)?href\s{0,9}=\s{0,9}/.source + address,
    /(?<=[\s"'/])(?:src|srcset|poster|background|data)\s{0,9}=\s{0,9}/.source + address,
    /url\(\s{0,9}/.source + address,
    /[<>"']/.source,
  ].join('|'),
  'gi',
)
const longestShown = 60

export function* remoteImages(html: string): Generator<Hit> {
  let last = ''
  for (const match of html.matchAll(fetched)) {
    const [found] = match
    if (found.length === 1) last = found
    // Behind a `>` are words, of which `data=//` may be one. In an attribute it would have been followed by a quote.
    else if (last !== '>' || /^(?:url|<)/i.test(found)) {
      const excerpt = html.slice(match.index, match.index + longestShown).replaceAll(/\s+/g, ' ')
      yield { kind: 'remote_image', at: match.index, excerpt }
    }
    if (found.startsWith('<')) last = '<'
  }
}
