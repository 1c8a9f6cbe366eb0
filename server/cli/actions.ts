import type { ApprovalId } from '../model/ids.ts'
import { createAdminActions } from '../oversight/admin-actions.ts'
import { systemClock } from '../platform/clock.ts'
import type { AdminActionRow } from '../store/admin-actions.ts'
import type { Store } from '../store/db.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson, visibleLine } from './visible.ts'

export const actions: Command = {
  help: 'Lists what admin keys want to do and the operator has to agree to, with exactly what was asked. `multimail approve ID` agrees, `multimail reject ID` refuses.',
  options: jsonOption,
  async run(call) {
    const rows = await withStore(call, (store) => adminActionsOf(store).waiting())
    const text = rows.map(actionText).join('\n') || 'Nothing waits.\n'
    call.io.out(call.flag('json') ? `${visibleJson(rows.map(jsonOf))}\n` : text)
    return 0
  },
}

/** On this machine, without any key: whoever runs commands here is the operator. */
export async function decideAction(call: Call, id: ApprovalId, decision: 'approve' | 'reject'): Promise<number> {
  const row = await withStore(call, (store) => {
    const room = adminActionsOf(store)
    return decision === 'approve' ? room.approve(id) : room.refuse(id)
  })
  if (row === null)
    throw new Stop(`Nothing waits under ${id}: it was used or refused, its time is over, or it was asked again. See \`multimail actions\`.`)
  if (call.flag('json')) call.io.out(`${visibleJson({ ...jsonOf(row), decision })}\n`)
  else call.io.out(`${actionText(row)}\n${decision === 'approve' ? approved(row) : 'Refused: it will not be done.'}\n`)
  return 0
}

const approved = (row: AdminActionRow): string =>
  `Approved. It is done when ${row.key_id} makes the same call again, until ${new Date(row.expires_at).toISOString()}.`

// Neither makes codes nor does anything: it only looks and decides.
const adminActionsOf = (store: Store) => createAdminActions({ store, clock: systemClock, approval: 'code' })

const jsonOf = (row: AdminActionRow) => ({
  id: row.id,
  account_id: row.account_id,
  world: row.world,
  key_id: row.key_id,
  action: row.action,
  parameters: JSON.parse(row.parameters_json) as unknown,
  created_at: new Date(row.created_at).toISOString(),
  expires_at: new Date(row.expires_at).toISOString(),
})

function actionText(row: AdminActionRow): string {
  const { id, action, world, key_id, parameters, created_at } = jsonOf(row)
  const lines = visibleJson(parameters).split('\n')
  return [`${id}  ${action}  ${world}  by ${visibleLine(key_id, 60)}  at ${created_at}`, ...lines.map((line) => `  | ${line}`), ''].join(
    '\n',
  )
}
