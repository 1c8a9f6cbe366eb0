import { open } from 'node:fs/promises'
import { verifierKeyText } from '../model/note.ts'
import { systemClock } from '../platform/clock.ts'
import { makeCheckpoint } from '../record/checkpoints.ts'
import { exportLog } from '../record/log-file.ts'
import { ensureLogKey, findLogKey } from '../record/log-key.ts'
import { type Command, Stop } from './command.ts'
import { withStore } from './host.ts'
import { visibleLine } from './visible.ts'

export const auditKey: Command = {
  help: 'Prints the key with which the log is signed, for `multimail audit verify --key` and `multimail receipt verify --key`. Keep it outside of this server; the daily letter has it too.',
  run: (call) =>
    withStore(call, async (store, config) => {
      call.io.out(`${verifierKeyText(await ensureLogKey(store, config.hostname, systemClock.now()))}\n`)
      return 0
    }),
}

export const auditCheckpoint: Command = {
  help: 'Signs the log as it is now and prints the checkpoint, which the server does by itself each hour. Ends with 1 when the log is not what was signed before.',
  run: (call) =>
    withStore(call, async (store, config) => {
      const key = await ensureLogKey(store, config.hostname, systemClock.now())
      const made = await makeCheckpoint({ store, key, clock: systemClock })
      if (!made.ok && made.code === 'NOTHING') throw new Stop('The log is empty.')
      if (!made.ok) throw new Stop(`Nothing is signed: ${made.detail ?? made.code}.`)
      call.io.out(made.value.note)
      return 0
    }),
}

/** Characters that are written at once. */
const portion = 256 * 1024

export const auditExport: Command = {
  help: 'Writes the whole log, of all accounts, with its checkpoints into a new file, or to the standard output for `-`. `multimail audit verify --file` checks it on any machine. It has what the log says of people, except what was erased.',
  words: ['FILE'],
  run: (call) =>
    withStore(call, async ({ db }) => {
      const name = call.word('FILE')
      await using file = name === '-' ? null : await newFile(name)
      const write = async (text: string): Promise<void> => {
        if (file === null) call.io.out(text)
        else await file.appendFile(text)
      }
      let waiting = ''
      let lines = 0
      for await (const line of exportLog(db, await findLogKey(db))) {
        waiting += `${line}\n`
        lines += 1
        if (waiting.length < portion) continue
        await write(waiting)
        waiting = ''
      }
      await write(waiting)
      await file?.sync()
      if (file !== null) call.io.out(`Written: ${lines} lines.\n`)
      return 0
    }),
}

/** For its owner only: the log says who wrote to whom. */
async function newFile(name: string) {
  try {
    return await open(name, 'wx', 0o600)
  } catch (error) {
    throw new Stop(`${visibleLine(name)} cannot be made: ${error instanceof Error ? error.message : String(error)}`, 2)
  }
}
