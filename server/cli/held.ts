import type { inferRouterOutputs } from '@trpc/server'
import type { AppRouter } from '../operations/router.ts'
import { Stop } from './command.ts'
import type { Reviewer } from './client.ts'
import { visibleLine, visibleText } from './visible.ts'

/** An email that waits for a decision, as the server lists it. */
export type Held = Page['emails'][number]
type Page = inferRouterOutputs<AppRouter>['list_pending']

const pageSize = 100
// Ten thousand waiting emails are more than any person decides on by id.
const maxPages = 100

/** All that waits, newest first, a page at a time. */
async function* pagesOfHeld(server: Reviewer): AsyncGenerator<readonly Held[]> {
  let cursor: string | null = null
  for (let page = 0; page < maxPages; page += 1) {
    const answer: Page = await server.list_pending.query({ limit: pageSize, ...(cursor !== null && { cursor }) })
    yield answer.emails
    cursor = answer.cursor
    if (cursor === null) return
  }
}

export async function allHeld(server: Reviewer): Promise<Held[]> {
  const all: Held[] = []
  for await (const page of pagesOfHeld(server)) all.push(...page)
  return all
}

export async function findHeld(server: Reviewer, id: string): Promise<Held> {
  for await (const page of pagesOfHeld(server)) {
    const held = page.find((each) => each.id === id)
    if (held !== undefined) return held
  }
  throw new Stop(`${visibleLine(id, 100)} does not wait for a decision. \`multimail pending\` lists what does.`)
}

/** One line of a list. */
export const heldLine = (held: Held): string => {
  const more = held.to.length + held.cc.length + held.bcc.length - 1
  const to = `${visibleLine(held.to[0] ?? held.cc[0] ?? held.bcc[0] ?? '-', 80)}${more > 0 ? ` and ${more} more` : ''}`
  return `${held.id}  until ${held.expires_at}  ${visibleLine(held.from, 80)} → ${to}\n    ${visibleLine(held.subject, 100) || '(no subject)'}`
}

/** Everything there is to judge. Each text from outside stands behind a label or a margin of ours. */
export function heldText(held: Held): string {
  const fields: [string, string][] = [
    ['email', held.id],
    ['direction', held.direction === 'outbound' ? 'outbound: it would be sent' : 'inbound: the agent would see it'],
    ['held because', visibleLine(held.reason)],
    ...replacedText(held.replaces),
    ...held.findings.map(({ kind, where, excerpt }): [string, string] => [
      'found in it',
      [kind, visibleLine(where, 300), ...(excerpt === null ? [] : [visibleLine(excerpt, 200)])].join(': '),
    ]),
    ...(held.approvals_needed > 1 ? [['approvals', `${held.approved_by.length} of ${held.approvals_needed}`] as [string, string]] : []),
    ...(held.edited_by.length > 0 ? [['changed by', held.edited_by.join(', ')] as [string, string]] : []),
    ['held at', held.held_at],
    ['expires', `${held.expires_at}, unsent, when nobody decides`],
    ['written by', held.proposed_by ?? 'somebody outside'],
    ['from', visibleLine([held.from_name, `<${held.from}>`].filter((part) => part !== null).join(' '))],
    ...(held.sender_verified === null
      ? []
      : [['sender', held.sender_verified ? 'verified (DMARC pass)' : 'NOT verified: anybody may have written this'] as [string, string]]),
    ...addresses('to', held.to),
    ...addresses('cc', held.cc),
    ...addresses('bcc', held.bcc),
    // Among those above: whom the agent did not name itself.
    ...held.automatic_copies.map((address): [string, string] => ['copy to', `${visibleLine(address)}  (added by the mailbox)`]),
    ['subject', visibleLine(held.subject, 2000)],
    ...held.attachments.map((each): [string, string] => ['attachment', attachmentText(each)]),
    ['content hash', held.content_hash],
    ...judgement(held),
  ]
  const hidden =
    held.hidden_text === null ? [] : ['', `hidden in it (${held.hidden_characters ?? 0} characters):`, visibleText(held.hidden_text)]
  const footer = held.footer === null ? [] : ['', 'behind it this server puts:', visibleText(held.footer)]
  const lines = fields.map(([name, value]) => `${name.padEnd(13)} ${value}`)
  return [...lines, '', visibleText(held.body_markdown), ...footer, ...hidden].join('\n')
}

/** Of mail from outside: what speaks for and against it. */
const judgement = ({ direction, spam_verdict, spam_score, reasons }: Held): [string, string][] =>
  direction === 'outbound'
    ? []
    : [
        ['spam', `${spam_verdict ?? 'not examined'}, ${spam_score ?? 0} points`],
        ...reasons.map(({ points, words, detail }): [string, string] => {
          const found = detail === null ? '' : `  ${visibleLine(detail, 200)}`
          return ['reason', `${points > 0 ? '+' : ''}${points}  ${words}${found}`]
        }),
      ]

/** Each on a line of its own, so that none hides in a row; Bcc is said even when there is none. */
const addresses = (name: string, list: readonly string[]): [string, string][] =>
  list.length === 0
    ? [[name, '(none)']]
    : list.map((address) => [name, visibleLine(address) + (/^[ -~]*$/.test(address) ? '' : '  (letters beyond ASCII)')])

const replacedText = (replaces: Held['replaces']): [string, string][] => {
  if (replaces === null) return []
  const { kind, code, reason } = replaces.outcome ?? { kind: 'replaced', code: null, reason: null }
  return [
    [
      'version of',
      [replaces.email_id, kind, code, reason === null ? null : visibleLine(reason, 300)].filter((part) => part !== null).join(': '),
    ],
  ]
}

const attachmentText = ({ name, content_type, size, sha256 }: Held['attachments'][number]): string =>
  `${visibleLine(name, 255)} (${visibleLine(content_type, 127)}, ${size} bytes, SHA-256 ${sha256})`
