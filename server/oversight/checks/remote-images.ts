import type { Hit } from './hit.ts'

/** What a program that shows HTML fetches without being asked: the sources of elements and of style sheets that lead to another host. A link is none. */
const fetched =
  /(?<![A-Za-z-])(?:src|srcset|poster|background|data)\s{0,9}=\s{0,9}["']?\s{0,9}(?:https?:)?\/\/|url\(\s{0,9}["']?\s{0,9}(?:https?:)?\/\//gi
const longestShown = 60

export function* remoteImages(html: string): Generator<Hit> {
  for (const match of html.matchAll(fetched)) {
    const address = html.slice(match.index, match.index + longestShown).replaceAll(/\s+/g, ' ')
    yield { kind: 'remote_image', at: match.index, excerpt: address }
  }
}
