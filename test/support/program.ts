import { type ChildProcess, spawn } from 'node:child_process'

/** A program of the machine that runs while a test does. */
export type Program = {
  /** everything it printed so far */
  words(): string
  /** resolves once it has ended, with a sentence that says how */
  ended: Promise<string>
  stop(): Promise<void>
}

export type Start = {
  command: string
  args: readonly string[]
  env?: NodeJS.ProcessEnv
  /** resolves when the program is ready to be used */
  ready: () => Promise<unknown>
  /** SIGTERM unless said otherwise */
  stopWith?: NodeJS.Signals
}

/** Starts a program in a process group of its own and waits until it is ready; when it ends first, says what it printed. */
export async function startProgram({ command, args, env, ready, stopWith = 'SIGTERM' }: Start): Promise<Program> {
  const child = spawn(command, args, { detached: true, stdio: ['ignore', 'pipe', 'pipe'], ...(env && { env }) })
  const printed: string[] = []
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => printed.push(String(piece)))
  const program: Program = {
    words: () => printed.join(''),
    ended: endOf(child),
    stop: async () => stop(child, stopWith, program.ended),
  }
  const failed = program.ended.then((how) => {
    throw new Error(`${command} ${how} before it was ready:\n${program.words()}`)
  })
  try {
    await Promise.race([ready(), failed])
  } catch (error) {
    await program.stop()
    throw new Error(`${String(error)}\n${program.words()}`, { cause: error })
  }
  failed.catch(() => {}) // it may end as it likes from now on
  return program
}

const endOf = (child: ChildProcess): Promise<string> =>
  new Promise((resolve) => {
    child.once('error', (error) => resolve(`could not be started (${error.message})`))
    child.once('exit', (code, signal) => resolve(signal === null ? `ended with code ${code}` : `was ended by ${signal}`))
  })

const patienceMs = 5_000

async function stop(child: ChildProcess, signal: NodeJS.Signals, ended: Promise<string>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill(signal)
  const timer = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await ended
  clearTimeout(timer)
}
