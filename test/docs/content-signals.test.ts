import { expect, it } from 'vitest'
import { readInHaste } from '../../server/inbound/content/findings.ts'
import { authorSigns } from '../../server/inbound/content/known-author.ts'
import { type Worth, signals } from '../../server/inbound/content/signals.ts'
import { flaggedFrom, quarantinedFrom } from '../../server/inbound/verdict/doubts.ts'
import { type Scanned, figuresByLabel, figuresByTechnique, scanCorpus } from '../support/scan-figures.ts'

const scanned = await scanCorpus()
const ofLabel = (label: Scanned['label']) => scanned.filter((message) => message.label === label)

/** Write the page anew with `vitest run test/docs/content-signals.test.ts -u`. */
it('docs/content-signals.md shows the figures that the scan reaches, and the table that it uses', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/content-signals.md')
})

it('the corpus has messages of every kind in both halves, each under a name of its own', () => {
  expect(new Set(scanned.map(({ name }) => name)).size).toBe(scanned.length)
  for (const label of ['honest', 'injection', 'phishing', 'spam'] as const) {
    for (const half of ['tuning', 'held-out']) expect(ofLabel(label).filter((message) => message.half === half).length).toBeGreaterThan(20)
  }
})

it('no honest message is kept from its reader, and at most two of a hundred are marked', () => {
  expect(ofLabel('honest').filter(({ score }) => score >= quarantinedFrom)).toEqual([])
  expect(ofLabel('honest').filter(({ score }) => score >= flaggedFrom).length).toBeLessThanOrEqual(ofLabel('honest').length / 50)
})

it('every order to an agent that is hidden by style is marked', () => {
  const hidden = ofLabel('injection').filter(({ technique }) => technique.startsWith('hidden-'))
  expect(hidden.filter(({ score }) => score < flaggedFrom).map(({ name }) => name)).toEqual([])
})

const page = (): string => `# What the content of arriving mail is a sign of

While a message is received, its text is read for signs of three things: orders that are meant for the agent (prompt injection), fraud, and
advertising. There is no language model in this: a message is read in a few thousandths of a second, by tables that anybody can look up in \`server/inbound/content/\`. This
page is made from them, and from what they make of our corpus (\`npm run bench:scan\`).

It is no gate. Whoever knows the tables can write around them, and a friendly sentence with a bad wish in it looks like a friendly sentence. What keeps an agent
from doing harm is that what it sends waits for a person. The scan finds what is sent to everybody, and shows the reviewer what was hidden.

## How well it does

The points add up. From ${flaggedFrom} a message is flagged: the agent sees it, marked. From ${quarantinedFrom} it is quarantined. Here content is judged alone; in the appliance authentication,
history, block lists and the account's own filter have a say as well ([verdicts](verdicts.md)).

**We wrote the corpus ourselves**, ${scanned.length} messages in \`test/fixtures/corpus/\`: no received mail, no mail of real people. The figures show what the scan does with what we
could think of, and compare one version of it with the next; they say little about the mail of the world, whose authors are more inventive. One half of it
(by a hash of the name) is for tuning, and nobody looks at what is missed in the other half. The honest messages are many of the awkward
kind: newsletters with preview lines, one-time codes, code reviews that name our tools, articles about prompt injection.

${figuresByLabel(scanned)}

What it misses is mostly what says the same in other words: of orders to an agent those that are merely polite requests, of fraud and advertising what has no
word of its trade in it.

### By technique

How many are flagged; of honest mail, that is how many too many.

${figuresByTechnique(scanned)}

## What an agent sees

Text that a person would not see is not in the Markdown that an agent gets: text hidden by \`display\`, \`visibility\`, \`opacity\`, size, the colour of its background, position,
clipping or attribute, whether it says so itself, in an old attribute or in a style sheet (element, class, id, attribute, descendant and child selectors; \`@media\` for an ordinary
screen); comments, titles, templates, \`noscript\` and drawings; invisible characters of every kind. A rule that we do not understand hides nothing. Alternative texts of pictures
stay, up to 200 characters. What was hidden is counted and kept for the reviewer, up to 16 KiB.

## The signs

\`points\`: for each kind of sign, and at most. \`quoted\`: all of it stands in quotation marks or quoted lines. \`mentioned\`: in an article about attacks. \`hidden\`: it is kept from being
seen.

| code | points | quoted | mentioned | hidden | what it means |
|---|---|---|---|---|---|
${Object.entries<{ words: string; worth: Worth }>(signals)
  .map(
    ([code, { words, worth }]) => `| \`${code}\` | ${points(worth)} | ${worth.quoted} | ${worth.mentioned} | ${worth.hidden} | ${words} |`,
  )
  .join('\n')}
| \`${readInHaste.code}\` | ${readInHaste.points} | | | | ${readInHaste.words} |

Against our own names and correspondents, and known companies' names, domains are compared as they look: with look-alike letters and digits folded, one letter off, with another
ending, within a longer name, or as labels in front of another domain. Of an author who is not one of ours:

| code | points | what it means |
|---|---|---|
${authorSigns.map(({ code, points, words }) => `| \`${code}\` | ${points} | ${words} |`).join('\n')}

## What it costs

Measured in November 2026 on one core of a shared virtual machine, the best of many runs: 0.1 ms for 5 KB of plain text, 3 ms for a newsletter of 50 KB with a style sheet, reading
and scanning together. Everything has a limit: 256 KiB of text and 1 MiB of HTML are read, and what has to be looked for among style rules and open elements is counted in steps.
A letter made to be slow (\`test/inbound/content/bombs.test.ts\`) takes tenths of a second, on a thread with limits of its own.
`

const points = ({ each, most }: Worth): string => (each === most ? String(each) : `${each}, up to ${most}`)
