import { expect, it } from 'vitest'
import { conversationSigns } from '../../server/inbound/content/conversation.ts'
import { doubtRows, findingRows, flaggedFrom, historyRows, quarantinedFrom } from '../../server/inbound/verdict/doubts.ts'
import { refusals } from '../../server/inbound/verdict/refusals.ts'
import { opinions } from '../../server/mailbox/spam-filter.ts'
import { formatReply } from '../../server/model/reply.ts'

type Listed = { code: string; words: string; points: unknown }

/** Write the page anew with `vitest run test/docs/verdicts.test.ts --update`. */
it('docs/verdicts.md lists every reason as the tables have it', async () => {
  await expect(page()).toMatchFileSnapshot('../../docs/verdicts.md')
})

it('no two reasons have one code', () => {
  const codes = [...refusals, ...findingRows, ...doubtRows, ...historyRows, ...conversationSigns].map(({ code }) => code)
  expect(codes.filter((code, at) => codes.indexOf(code) !== at)).toEqual([])
})

const page = (): string => `# Verdicts on arriving mail

Each message is judged once, when its last byte is there and before it is answered: from what SPF, DKIM, DMARC and ARC say, the names of the client's
address, block lists, who wrote to the mailbox before, how much came lately, what it says and hides, and what other scanners make of it. The rules are
tables in \`server/inbound/verdict/\`; [010](decisions/010-verdict.md) says why they are as they are. This page is made from them.

- It is **refused** while its sender is connected, and nothing of it is stored (first table).
- Or it is let in, with a score for each mailbox. From ${flaggedFrom} points it is **flagged**: the agent sees it, marked. From ${quarantinedFrom} it is **quarantined**: out of the
  agent's sight until somebody asks for it or says that it is no spam. In a gated_all mailbox everything waits for the reviewer, whatever its score.
- The reasons travel with it: \`read_email\` and \`list_pending\` show the code, the points and our words, and to reviewers as
  \`detail\` what exactly was found: a stranger may have chosen and hidden it, so an agent does not get to read it.

The score is the sum of the findings, plus that of the doubts about the sender when it is above 0. What is known of the sender outweighs the doubts about the sender. It never
outweighs a finding: the account of somebody known may have been taken over.

\`sender_verified\` is another thing: whether DMARC proved the domain of the address that is shown.

## Refused

The first that applies.

| code | answer | why |
|---|---|---|
${refusals.map(({ code, reply, words }) => `| \`${code}\` | ${formatReply(reply)} | ${words} |`).join('\n')}

## Findings

${table(findingRows)}

What the message says and hides is judged by a table of its own, \`server/inbound/content/signals.ts\`; \`rspamd\` is what rspamd says, when the operator has it. In a thread:

${table(conversationSigns)}

## Doubts, and trust

${table([...doubtRows, ...historyRows])}

What users of the account called spam and not spam teaches a filter, which says something once it has seen enough of both:

${table(opinions)}

A stranger who writes for the first time, whom nothing proves and something speaks against, waits 15 seconds for the answer: programs that send spam
give up sooner. At most 50 wait at one time.

## When the client's address says nothing

Behind a NAT or a proxy that is not named, everybody comes from one address. Then SPF, the names of the address and block lists are left out, DMARC passes by a
signature alone, and what would be refused for lack of one is quarantined (\`dmarc-address-hidden\`). Give the server the real addresses: see \`MULTIMAIL_SMTP_PROXY\`
in the [settings](settings.md).

## Settings

\`MULTIMAIL_SENDER_RATE\`, \`MULTIMAIL_TRUSTED_SEALERS\`, \`MULTIMAIL_DNSBL\`, \`MULTIMAIL_RSPAMD_URL\` and \`MULTIMAIL_CLAMD\` in the [settings](settings.md).
`

const table = (rows: readonly Listed[]): string =>
  [
    '| code | points | what it means |',
    '|---|---|---|',
    ...rows.map(({ code, points, words }) => `| \`${code}\` | ${inWords(points)} | ${words} |`),
  ].join('\n')

const inWords = (points: unknown): string => (typeof points === 'number' ? String(points) : 'as the list was given')
