/**
 * The command line: `multimail COMMAND`. Each command is a thin caller of a room (those that work on the store of this machine) or of the
 * running server (those of reviewers and agents). None needs a terminal: all that is asked for can be given as options.
 */
import { loadConfig } from '../../config/load.ts'
import type { Io } from './command.ts'
import { runCli } from './run.ts'

const io: Io = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  load: () => loadConfig(),
}

// A reader that has seen enough, such as `head`, is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error
})

const exitCode = await runCli(process.argv.slice(2), io)
if (exitCode !== undefined) process.exitCode = exitCode
