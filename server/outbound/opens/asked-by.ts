/** Who asked for an image, as far as the request says. Only `reader` may be a person, and even that anybody can write. */
export type AskedBy = 'reader' | 'proxy' | 'prefetch' | 'program'

const maxLength = 500

/** First match wins. */
const agents: readonly { by: AskedBy; when: RegExp; seen: string }[] = [
  // Fetched when somebody opens the message, on behalf of the reader.
  {
    by: 'proxy',
    when: /GoogleImageProxy/i,
    seen: 'Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)',
  },
  { by: 'proxy', when: /YahooMailProxy/i, seen: 'YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html' },
  { by: 'proxy', when: /DuckDuckGo|ImageProxy|image ?proxy/i, seen: 'Some ImageProxy/1.0' },
  // Apple's Mail Privacy Protection loads everything when the message arrives, opened or not.
  { by: 'prefetch', when: /^Mozilla\/5\.0$/, seen: 'Mozilla/5.0' },
  {
    by: 'program',
    when: /bot\b|crawl|spider|scan|preview|monitor|check|fetch|barracuda|proofpoint|mimecast|safelinks/i,
    seen: 'Mozilla/5.0 (compatible; SomeBot/1.0)',
  },
  { by: 'program', when: /curl|wget|python|java\/|go-http|okhttp|libwww|axios|node|headless|phantom/i, seen: 'curl/8.5.0' },
]

/** @param headers of the request, names in lower case */
export function askedBy(headers: Readonly<Record<string, unknown>>): AskedBy {
  const purpose = [headers['sec-purpose'], headers['purpose'], headers['x-purpose'], headers['x-moz']]
  if (purpose.some((value) => typeof value === 'string' && /prefetch|preview/i.test(value.slice(0, maxLength)))) return 'prefetch'
  const agent = headers['user-agent']
  if (typeof agent !== 'string' || agent === '') return 'program'
  return agents.find(({ when }) => when.test(agent.slice(0, maxLength)))?.by ?? 'reader'
}
