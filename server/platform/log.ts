import { type DestinationStream, type Logger, pino } from 'pino'

/** Events with ids: `log.info({ emailId }, 'inbound.stored')`. Never bodies, subjects or secrets. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & { child(bindings: Record<string, unknown>): Log }

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

// A second wall, not the first: nobody should log these, and if somebody does they still do not reach the disk. As they are written without signs: `api_key`
// and `x-api-key` are the `apikey` of their names.
const secretNames: ReadonlySet<string> = new Set([
  'key',
  'pass',
  'secrethash',
  'databaseurl',
  'connectionstring',
  'setcookie',
  'cookies',
  'secrets',
  'passwords',
  'apikeys',
])
const secretEndings =
  /(?:authorization|cookie|apikey|privatekey|accesskey|secretkey|secret|password|passwd|passphrase|credentials?|token|(?:approval|confirmation|verification|upgrade)code)$/

/** Names are few, and each line has some of them. */
const known = new Map<string, boolean>()
const mostKnown = 1_000

function isSecret(name: string): boolean {
  const before = known.get(name)
  if (before !== undefined) return before
  const plain = name.toLowerCase().replace(/[^a-z0-9]/g, '')
  const found = secretNames.has(plain) || secretEndings.test(plain)
  if (known.size < mostKnown) known.set(name, found)
  return found
}

const secret = '[secret]'
const unreadable = '[unreadable]'
/** What lies deeper, or is more than this, is not said at all: nobody has looked whether it may be. */
const mostLevels = 6
const mostObjects = 1_000

type Looked = { objects: number }

/** The same with secrets hidden; what has none is not copied, but for errors, of which JSON would say nothing. Our own, because pino's redaction walks every
 *  path of a list through a copy of each line, which takes longer than the rest of the line. Throws only what the value itself does when it is looked into. */
function censored(value: unknown, looked: Looked, above: readonly object[] = []): unknown {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  if (above.includes(value)) return '[circular]'
  if (above.length === mostLevels || (looked.objects += 1) > mostObjects) return '[too much]'
  const within = [...above, value]
  if (value instanceof Error) return censoredFields(wordsOf(value), looked, within)
  const said = read(value, 'toJSON')
  return typeof said === 'function' ? censored((said as () => unknown).call(value), looked, within) : censoredFields(value, looked, within)
}

function censoredFields(value: object, looked: Looked, within: readonly object[]): object {
  let copy: object | null = null
  for (const name of Object.keys(value)) {
    const inner = read(value, name)
    const shown = isSecret(name) ? secret : typeof inner === 'object' ? guarded(() => censored(inner, looked, within)) : inner
    if (shown !== inner || inner === unreadable) Reflect.set((copy ??= copyOf(value)), name, shown)
  }
  return copy ?? value
}

const copyOf = (value: object): object => (Array.isArray(value) ? [...(value as unknown[])] : readable(value))

/** What it says of itself, also what JSON would leave out. */
function wordsOf(error: Error): object {
  const kind = read(error, 'name')
  const type = kind === 'Error' ? error.constructor.name : kind
  const hidden = ['message', 'stack', 'cause', 'errors'].filter((name) => Object.hasOwn(error, name) || name === 'message')
  return { type, ...Object.fromEntries(hidden.map((name) => [name, read(error, name)])), ...withoutRows(readable(error)) }
}

/** PostgreSQL shows the row that it refused, with what people wrote in it. */
const withoutRows = (fields: object): object =>
  'severity' in fields ? Object.fromEntries(Object.entries(fields).filter(([name]) => !ofRows.includes(name))) : fields
const ofRows = ['detail', 'where', 'internalQuery']

/** A copy of its fields, as far as they can be read. */
function readable(value: object): object {
  try {
    return { ...value }
  } catch {
    return Object.fromEntries(Object.keys(value).map((name) => [name, read(value, name)]))
  }
}

const read = (value: object, name: string): unknown => guarded((): unknown => Reflect.get(value, name))

/** A line of the log is not worth a failure of what it is about. */
function guarded<T>(look: () => T): T | typeof unreadable {
  try {
    return look()
  } catch {
    return unreadable
  }
}

/** JSON lines, written before the call returns, so that the last line of a process that dies is there to read. Standard output by default. */
export const createLog = (options: { level: LogLevel; destination?: DestinationStream }): Log =>
  bound(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        serializers: { err: (error: unknown) => error }, // as `censored` says it
      },
      options.destination ?? pino.destination({ dest: 1, sync: true }),
    ),
    {},
  )

export const silentLog: Log = bound(pino({ level: 'silent' }), {})

const fieldsOf = (first: unknown): object =>
  typeof first === 'string' ? {} : first instanceof Error ? { err: first } : readable(first as object)

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A log whose lines have these fields, too. pino's own children are made ready to write at once, also for the many messages of which nothing
 *  is written at this level. */
function bound(root: Logger, bindings: Record<string, unknown>): Log {
  const write =
    (level: Level) =>
    (first: unknown, message?: string): void => {
      if (!root.isLevelEnabled(level)) return
      const words = typeof first === 'string' ? first : message
      const said = guarded(() => censored({ ...bindings, ...fieldsOf(first) }, { objects: 0 }) as object)
      root[level](said === unreadable ? { fields: unreadable } : said, words)
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => bound(root, { ...bindings, ...more }),
  }
}
