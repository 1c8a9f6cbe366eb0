import { listIssues } from '../store/issues.ts'
import type { Row } from '../store/schema.ts'
import { type Command, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

const mostListed = 200
const iso = (at: number): string => new Date(at).toISOString()

export const issuesList: Command = {
  help: 'Lists what callers reported with report_issue, newest first: when, with which key, and what they said. Programs wrote it, often from what strangers said.',
  options: jsonOption,
  async run(call) {
    const rows = await withStore(call, ({ db }) => listIssues(db, mostListed))
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(jsonOf))}\n` : rows.map(line).join('') || 'Nothing was reported.\n')
    return 0
  },
}

const jsonOf = (row: Row<'issues'>) => ({
  id: row.id,
  account_id: row.account_id,
  world: row.world,
  key_id: row.key_id,
  title: row.title,
  ...(JSON.parse(row.body_json) as object),
  created_at: iso(row.created_at),
})

const line = (row: Row<'issues'>): string =>
  `${iso(row.created_at)}  ${row.id}  ${row.key_id} (${row.world})  ${visibleLine(row.title)}\n    ${visibleLine(row.body_json)}\n`
