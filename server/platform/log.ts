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
  pino(
    {
      level: options.level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: redacted, censor: '[secret]' },
    },
    options.destination ?? pino.destination({ dest: 1, sync: true }),
  )

export const silentLog: Log = pino({ level: 'silent' })

function join(depth: string, name: string): string {
  return name.startsWith('[') ? `${depth.slice(0, -1)}${name}` : `${depth}${name}`
}
