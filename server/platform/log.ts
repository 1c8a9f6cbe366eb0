import { type DestinationStream, type Logger, pino } from 'pino'

/** Events with ids: `log.info({ emailId }, 'inbound.stored')`. Never bodies, subjects or secrets. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & { child(bindings: Record<string, unknown>): Log }

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

// A second wall, not the first: nobody should log these, and if somebody does they still do not reach the disk.
const secretFields: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'set-cookie',
  'x-api-key',
  'key',
  'secret',
  'secret_hash',
  'password',
  'pass',
  'token',
  'private_key',
  'privatekey',
  'databaseurl',
])
const levelsDeep = 4

/** The same with secrets hidden, some levels deep; what has none is not copied. Our own, because pino's redaction walks every path of a list through a
 *  copy of each line, which takes longer than the rest of the line. */
function censored(value: unknown, levels = levelsDeep): unknown {
  if (levels === 0 || typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value
  let copy: object | null = null
  for (const [name, inner] of Object.entries(value)) {
    const shown = secretFields.has(name.toLowerCase()) ? '[secret]' : censored(inner, levels - 1)
    if (shown !== inner) Reflect.set((copy ??= copyOf(value)), name, shown)
  }
  return copy ?? value
}

function copyOf(value: object): object {
  if (Array.isArray(value)) return [...(value as unknown[])]
  const words = value instanceof Error ? Object.entries({ type: value.name, message: value.message, stack: value.stack }) : []
  return Object.fromEntries([...Object.entries(value), ...words])
}

/** JSON lines, written before the call returns, so that the last line of a process that dies is there to read. Standard output by default. */
export const createLog = (options: { level: LogLevel; destination?: DestinationStream }): Log =>
  bound(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }), log: (fields) => censored(fields) as Record<string, unknown> },
      },
      options.destination ?? pino.destination({ dest: 1, sync: true }),
    ),
    {},
  )

export const silentLog: Log = bound(pino({ level: 'silent' }), {})

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A log whose lines have these fields, too. pino's own children are made ready to write at once, also for the many messages of which nothing
 *  is written at this level. */
function bound(root: Logger, bindings: Record<string, unknown>): Log {
  const write =
    (level: Level) =>
    (first: unknown, message?: string): void => {
      if (!root.isLevelEnabled(level)) return
      if (typeof first === 'string') root[level](bindings, first)
      else root[level]({ ...bindings, ...(first as object) }, message)
    }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (more) => bound(root, { ...bindings, ...more }),
  }
}
