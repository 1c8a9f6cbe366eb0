import { type DestinationStream, type Logger, pino } from 'pino'

/** Events with ids: `log.info({ emailId }, 'inbound.stored')`. Never bodies, subjects or secrets. */
export type Log = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'> & { child(bindings: Record<string, unknown>): Log }

export const logLevels = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

// A second wall, not the first: nobody should log these, and if somebody does they still do not reach the disk.
const secretFields = [
  'authorization',
  'cookie',
  'key',
  'secret',
  'secret_hash',
  'password',
  'pass',
  'token',
  'private_key',
  'privateKey',
  'databaseUrl',
]
const redacted = ['', '*.', '*.*.'].flatMap((depth) =>
  [...secretFields, '["x-api-key"]', '["set-cookie"]'].map((name) => join(depth, name)),
)

/** JSON lines, written before the call returns, so that the last line of a process that dies is there to read. Standard output by default. */
export const createLog = (options: { level: LogLevel; destination?: DestinationStream }): Log =>
  bound(
    pino(
      {
        level: options.level,
        base: null,
        timestamp: pino.stdTimeFunctions.isoTime,
        formatters: { level: (label) => ({ level: label }) },
        redact: { paths: redacted, censor: '[secret]' },
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

function join(depth: string, name: string): string {
  return name.startsWith('[') ? `${depth.slice(0, -1)}${name}` : `${depth}${name}`
}
