import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { type Call, type Command, type Io, Stop } from './command.ts'
import { type CommandName, commands, isCommandName } from './commands.ts'

const usageCode = 2

/** Does what the words after `multimail` say. @returns the exit code; undefined when the command set it itself */
export async function runCli(argv: readonly string[], io: Io): Promise<number | undefined> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (!(error instanceof Stop)) throw error
    io.err(`${error.message}\n`)
    return error.exitCode
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number | undefined> {
  const found = findCommand(argv)
  if (found === null) {
    const asked = argv.length === 0 || ['help', '--help', '-h'].includes(argv[0] ?? '')
    ;(asked ? io.out : io.err)(asked ? overview() : `There is no command ${JSON.stringify(argv[0])}.\n${overview()}`)
    return asked ? 0 : usageCode
  }
  const command = await commands[found.name].load()
  if (found.rest.includes('--help') || found.rest.includes('-h')) {
    io.out(helpText(found.name, command))
    return 0
  }
  return command.run(readCall(found.name, command, found.rest, io))
}

/** The longest name that the first words make: `dns check` before `dns`. */
function findCommand(argv: readonly string[]): { name: CommandName; rest: string[] } | null {
  for (const length of [2, 1]) {
    const name = argv.slice(0, length).join(' ')
    if (argv.length >= length && isCommandName(name)) return { name, rest: argv.slice(length) }
  }
  return null
}

function readCall(name: CommandName, command: Command, rest: string[], io: Io): Call {
  const { values, positionals } = parse(name, command, rest)
  const words = command.words ?? []
  if (positionals.length !== words.length) throw new Stop(usage(name, command), usageCode)
  const texts = (option: string): readonly string[] => [values[option]].flat().filter((value) => typeof value === 'string')
  return {
    io,
    texts,
    text: (option) => texts(option).at(-1),
    flag: (option) => values[option] === true,
    word: (which) => positionals[words.indexOf(which)] ?? '',
  }
}

function parse(name: CommandName, command: Command, args: string[]) {
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries(command.options ?? {}).map(([option, { value, many }]) => [
      option,
      { type: value === undefined ? 'boolean' : 'string', multiple: many === true },
    ]),
  )
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true })
  } catch (error) {
    throw new Stop(`${error instanceof Error ? error.message : String(error)}\n${usage(name, command)}`, usageCode)
  }
}

const usage = (name: string, command: Command): string =>
  [`Usage: multimail ${name}`, ...(command.words ?? []), ...(command.options === undefined ? [] : ['[options]'])].join(' ')

function helpText(name: string, command: Command): string {
  const options = Object.entries(command.options ?? {}).map(
    ([option, { value, help }]) => [`--${option}${value === undefined ? '' : ` ${value}`}`, help] as const,
  )
  return [usage(name, command), '', command.help, ...(options.length > 0 ? ['', ...columns(options)] : []), ''].join('\n')
}

const overview = (): string =>
  [
    'Usage: multimail COMMAND [options]',
    '',
    ...columns(Object.entries(commands).map(([name, { summary }]) => [name, summary] as const)),
    '',
    '`multimail COMMAND --help` tells more. Settings are described in docs/settings.md.',
    '',
  ].join('\n')

function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([left]) => left.length))
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`)
}
