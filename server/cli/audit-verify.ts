import { verifyLog } from '../store/log.ts'
import { type Command, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { visibleJson } from './visible.ts'

export const auditVerify: Command = {
  help: 'Recomputes the whole log and compares. Ends with 1 when an entry was changed or removed. Keep the printed chain hash elsewhere: with it you can later tell whether the newest entries were cut off.',
  options: jsonOption,
  async run(call) {
    const verdict = await withStore(call, (store) => verifyLog(store.db))
    const words = verdict.ok
      ? `The log is whole: ${verdict.value.entries} entries, chain hash ${verdict.value.chainHash}.`
      : `The log is not whole: ${verdict.code} at entry ${verdict.seq}.`
    call.io.out(`${call.flag('json') ? visibleJson(verdict) : words}\n`)
    return verdict.ok ? 0 : 1
  },
}
