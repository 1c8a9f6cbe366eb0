import { open } from 'node:fs/promises'
import { addressKey, parseAddress } from '../model/address.ts'
import type { Policy } from '../model/policy.ts'
import { policyWritten } from '../operations/policies.ts'
import { type Preview, createPolicies } from '../outbound/policies.ts'
import { parsePattern } from '../oversight/allow-list.ts'
import { systemClock } from '../platform/clock.ts'
import type { Db } from '../store/db.ts'
import { mailboxAt, policyIn } from '../store/mailboxes.ts'
import type { Row } from '../store/schema.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine, visibleText } from './visible.ts'

/** Octets; set_policy takes a quarter of it. */
const longestFile = 64 * 1024
const options = { test: { help: 'the mailbox of the test world' }, ...jsonOption }

export const policiesShow: Command = {
  help: 'Shows the rules about what may leave a mailbox, in order, each as a sentence. With --json they are printed as `multimail policies preview` and set_policy take them.',
  words: ['ADDRESS'],
  options,
  run: (call) =>
    withStore(call, async (store) => {
      const mailbox = await mailboxMeant(store.db, call)
      const policy = policyIn(mailbox)
      const sentences = createPolicies({ store, clock: systemClock }).words(policy)
      if (call.flag('json')) call.io.out(`${visibleJson(policy)}\n`)
      else if (policy.length === 0)
        call.io.out(`${visibleLine(mailbox.address)} has no rules: its mode (${mailbox.oversight_mode}) decides.\n`)
      else call.io.out(sentences.map((words, at) => `${at + 1}. ${visibleLine(words, 1000)}\n`).join(''))
      return 0
    }),
}

export const policiesPreview: Command = {
  help: 'Says what the rules in a file (a JSON list, docs/policy.md) would have done to what a mailbox handed in during the last 30 days, the newest 500 emails at most. Nothing is changed: set_policy sets them.',
  words: ['ADDRESS', 'FILE'],
  options,
  async run(call) {
    const policy = policyFrom(await textOf(call.word('FILE')))
    return withStore(call, async (store) => {
      const mailbox = await mailboxMeant(store.db, call)
      const policies = createPolicies({ store, clock: systemClock })
      const seen = await policies.preview(mailbox, policy)
      const loosens = policies.mayLoosen(policyIn(mailbox), policy)
      if (call.flag('json')) call.io.out(`${visibleJson({ mailbox_id: mailbox.id, ...seen, needs_approval: loosens })}\n`)
      else call.io.out(previewText(seen, policies.words(policy), loosens))
      return 0
    })
  },
}

function previewText({ emails, isComplete, would, now, by, byMode }: Preview, words: readonly string[], loosens: boolean): string {
  const of = ({ allow, hold, refuse }: Preview['would']): string => `${allow} sent, ${hold} held, ${refuse} refused`
  return [
    `${isComplete ? 'All' : 'The newest'} ${emails} emails of the last 30 days:`,
    `  with these rules  ${of(would)}`,
    `  as it is now      ${of(now)}`,
    ...words.map((rule, at) => `  ${String(by[at] ?? 0).padStart(4)}  ${at + 1}. ${visibleLine(rule, 1000)}`),
    `  ${String(byMode).padStart(4)}  no rule: the mode decides`,
    loosens
      ? 'To set them takes the code of the operator: they may let go what is held or refused now.'
      : 'set_policy sets them at once: they let go nothing that is held or refused now.',
    '',
  ].join('\n')
}

async function mailboxMeant(db: Db, call: Call): Promise<Row<'mailboxes'>> {
  const text = call.word('ADDRESS')
  const address = parseAddress(text)
  const mailbox = address === null ? undefined : await mailboxAt(db, call.flag('test') ? 'test' : 'live', addressKey(address))
  if (mailbox === undefined) throw new Stop(`There is no mailbox ${visibleLine(text, 300)}. \`multimail mailboxes list\` has them.`)
  return mailbox
}

function policyFrom(text: string): Policy {
  const read = policyWritten(parsePattern, jsonIn(text))
  if (read.ok) return read.value
  const problems = [read.facts?.['problems'] ?? []].flat().slice(0, 20)
  throw new Stop(`These are no rules:\n${visibleText(problems.join('\n'))}`, 2)
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Stop('The file is not JSON.', 2)
  }
}

async function textOf(name: string): Promise<string> {
  try {
    await using file = await open(name)
    if ((await file.stat()).size > longestFile) throw new Error('it is too large for rules')
    return await file.readFile('utf8')
  } catch (error) {
    throw new Stop(`${visibleLine(name)} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 2)
  }
}
