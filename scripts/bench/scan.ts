/**
 * How many of the corpus's messages the content scan recognises, how many honest ones it suspects, and what it costs. Prints the tables of
 * docs/content-signals.md and times; asserts nothing. Usage: npm run bench:scan (-- --misses for what it gets wrong in the tuning half).
 */
import { readContent } from '../../server/inbound/content/read-content.ts'
import { readWhole } from '../../server/inbound/message/read-message.ts'
import type { UnreadText } from '../../server/inbound/message/parsed-message.ts'
import { figuresByLabel, figuresByTechnique, misses, scanCorpus } from '../../test/support/scan-figures.ts'

const rounds = 400
const runsOfRound = 10

const scanned = await scanCorpus()
if (process.argv.includes('--misses')) {
  for (const { label, name, score, reasons } of misses(scanned)) {
    console.log(`${label} ${name}: ${score}`, reasons.map(({ code, points, detail }) => `${code} ${points} (${detail ?? ''})`).join(', '))
  }
}
console.log(figuresByLabel(scanned))
console.log()
console.log(figuresByTechnique(scanned))
console.log()

/** The best of many rounds: what it takes when nothing else does. Milliseconds. */
function quickest(work: () => unknown): number {
  let best = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round++) {
    const began = performance.now()
    for (let run = 0; run < runsOfRound; run++) work()
    best = Math.min(best, (performance.now() - began) / runsOfRound)
  }
  return best
}

const letter = (headers: string, body: string): Promise<UnreadText> =>
  readWhole(Buffer.from(`From: bo@remote.test\r\n${headers}\r\n\r\n${body}`))
const sentence =
  'Thank you for the report on the second quarter; I have read it and have a question about page four, where the figures differ. '
const cell = (at: number): string =>
  `<tr><td class="c${at % 30} pad" style="padding:0 20px;font-family:Arial;font-size:14px;color:#333333" bgcolor="#ffffff"><a href="https://click.shop.example/x/${'k'.repeat(60)}${at}" style="color:#06c"><b>Product ${at}</b></a><br>${sentence.slice(0, 90)} &euro;&nbsp;${at}.99</td></tr>\n`
const rules = Array.from({ length: 120 }, (_, at) => `.c${at % 30} { color:#333; font-size:${12 + (at % 4)}px; padding:0 }`).join('\n')
const page = `<html><head><style>${rules}\n@media (max-width:600px){.pad{display:none}}</style></head><body bgcolor="#f4f4f4"><div style="display:none">News of the week</div><table>${Array.from({ length: 120 }, (_, at) => cell(at)).join('')}</table></body></html>`

const texts: [what: string, text: UnreadText][] = [
  ['plain text, 5 KB', await letter('Subject: Report', sentence.repeat(40))],
  ['plain text, 50 KB', await letter('Subject: Report', sentence.repeat(400))],
  [`HTML, ${Math.round(page.length / 1024)} KB`, await letter('Subject: News\r\nContent-Type: text/html', page)],
]
for (const [what, text] of texts) console.log(`${what}: ${quickest(() => readContent(text, 'good')).toFixed(3)} ms to read and scan`)
