import type { Loaded } from '../../config/load.ts'

/** Where a command's words go, and where its settings come from. A test hands in its own. */
export type Io = { out(text: string): void; err(text: string): void; load(): Loaded }

/** `value` names what follows the option (`--domain NAME`); without it the option is a switch. `many`: may be given several times. */
export type Option = { help: string; value?: string; many?: true }

/** What a command was called with. */
export type Call = {
  io: Io
  /** the last one given, or undefined */
  text(option: string): string | undefined
  texts(option: string): readonly string[]
  flag(option: string): boolean
  /** the words that are no options, in the order of the command's `words` */
  word(name: string): string
}

/** One command. `run` resolves with the exit code: 0 done, 1 not, 2 used wrongly or wrong settings; undefined leaves it as it is. */
export type Command = {
  /** what it does, in a few sentences, for `--help` */
  help: string
  /** words that have to follow the name, e.g. ID */
  words?: readonly string[]
  options?: Record<string, Option>
  run(call: Call): Promise<number | undefined>
}

/** Ends a command with a message for the person at the terminal. Thrown only inside this room, caught in run.ts. */
export class Stop extends Error {
  readonly exitCode: number
  constructor(message: string, exitCode = 1) {
    super(message)
    this.exitCode = exitCode
  }
}

/** Every command that can print its answer for programs has this. */
export const jsonOption: Record<string, Option> = { json: { help: 'print JSON' } }
