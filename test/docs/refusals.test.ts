import { expect, it } from 'vitest'
import { meanings } from '../../server/outbound/classify-meanings.ts'
import type { Row } from '../../server/outbound/classify/row.ts'
import { table } from '../../server/outbound/classify/table.ts'

/** Write the page anew with `vitest run test/docs/refusals.test.ts --update`. */
it('docs/refusals.md lists every row as the table has it', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/refusals.md')
})

const page = (): string => `# What refusals mean

Whoever refuses a message says so in a reply of three digits, often with an enhanced code (RFC 3463), always in words of their own. The table in
\`server/outbound/classify/\` turns that into a class. The class says who can do something about it, whether it is tried again, and whether the recipient is
suppressed. This page is made from the table; to teach it something new add a row with the reply that taught you.

The first row that matches decides: what a known provider's words say better than the code, then words that mean the same everywhere, then the enhanced code, then
the basic code and the stage. \`hard\` and \`soft\`, the contract's words, follow from it: a failure is hard, what was tried until its time ran out is soft.

What is wrong with this server, its address, its domain or its smarthost never suppresses a recipient.

## Classes

| class | who can do something | recipient suppressed | what to do |
|---|---|---|---|
${Object.entries(meanings)
  .filter(([name]) => name !== 'delivered')
  .map(([name, { blame, suppress, remedy }]) => `| \`${name}\` | ${blame} | ${suppress} | ${remedy} |`)
  .join('\n')}

## Rows

${table.length} rows, in order. \`as told\`: a reply of 4yz is tried again, one of 5yz is final. Addresses and names are those of the documentation.

| who answers so | for example | class | then |
|---|---|---|---|
${table.map(line).join('\n')}
`

const then = { retry: 'tried again', fail: 'failed', 'as-told': 'as told' } as const satisfies Record<Row['outcome'], string>

const line = ({ by, source, seen, class: name, outcome }: Row): string =>
  `| ${source === null ? by : `[${by}](${source})`} | at ${seen.stage}: ${cell(seen.reply)} | \`${name}\` | ${then[outcome]} |`

const cell = (reply: string): string =>
  `\`${reply
    .replaceAll(/\r\n\d{3}[- ]/g, ' ')
    .replaceAll('|', '\\|')
    .replaceAll('`', "'")}\``
