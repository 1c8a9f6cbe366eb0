import { TRPCError } from '@trpc/server'
import { ZodError } from 'zod'
import { type ErrorCode, type FieldError, OperationError, errors } from './errors.ts'

/** What a client gets for a call that failed, through every door. `error` is a sentence (contract §1.3: always a string). */
export type ProblemBody = {
  error: string
  code: ErrorCode
  fix: string
  request_id: string
  errors?: readonly FieldError[]
  retry_after_seconds?: number
  /** of too many requests (doors/request-rates.ts), of a mailbox that warms up (contract §1.3) */
  [fact: string]: unknown
}
export type Problem = { status: number; body: ProblemBody }

// A thousand wrong fields help nobody; the first few do.
const mostFields = 20

/** Translates whatever was thrown. What is not of the catalogue is a bug or a broken disk: it becomes INTERNAL and its words stay inside. */
export function problemOf(thrown: unknown, requestId: string): Problem {
  const { code, message, fields, retryAfterMs, facts } = operationErrorOf(thrown)
  const { http, fix } = errors[code]
  const body: ProblemBody = { ...facts, error: message, code, fix, request_id: requestId }
  if (fields.length > 0) body.errors = fields.slice(0, mostFields)
  if (retryAfterMs !== undefined) body.retry_after_seconds = Math.max(1, Math.ceil(retryAfterMs / 1000))
  return { status: http, body }
}

/** True for a fault of ours, which the log must have whole. */
export const isFault = (thrown: unknown): boolean => operationErrorOf(thrown).code === 'INTERNAL'

function operationErrorOf(thrown: unknown): OperationError {
  if (thrown instanceof OperationError) return thrown
  if (!(thrown instanceof TRPCError)) return new OperationError('INTERNAL')
  if (thrown.cause instanceof OperationError) return thrown.cause
  if (thrown.cause instanceof ZodError && thrown.code === 'BAD_REQUEST') return invalidInput(thrown.cause)
  if (thrown.cause instanceof SyntaxError && thrown.code === 'BAD_REQUEST') return new OperationError('BAD_JSON')
  return new OperationError(ownWords[thrown.code] ?? 'INTERNAL')
}

// What tRPC itself refuses before an operation is reached.
const ownWords: Partial<Record<TRPCError['code'], ErrorCode>> = {
  PARSE_ERROR: 'BAD_JSON',
  BAD_REQUEST: 'BAD_INPUT',
  NOT_FOUND: 'UNKNOWN_ROUTE',
  METHOD_NOT_SUPPORTED: 'METHOD_NOT_ALLOWED',
  UNSUPPORTED_MEDIA_TYPE: 'UNSUPPORTED_MEDIA_TYPE',
  PAYLOAD_TOO_LARGE: 'BODY_TOO_LARGE',
}

/** Zod's issues as field errors, and the first of them in the sentence, since many clients show nothing else. */
function invalidInput(error: ZodError): OperationError {
  const fields = error.issues
    .slice(0, mostFields)
    .flatMap((issue): FieldError[] =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.slice(0, mostFields).map((key) => ({ path: dotted([...issue.path, key]), message: 'unknown field' }))
        : [{ path: dotted(issue.path), message: issue.message }],
    )
  const first = fields[0]
  if (first?.message === badCursor) return new OperationError('BAD_CURSOR')
  return new OperationError('BAD_INPUT', first === undefined ? undefined : sentence(first), fields)
}

/** The message by which an input schema says that a cursor is not ours. */
export const badCursor = 'not a cursor of this server'

const longestPath = 200
const dotted = (path: readonly PropertyKey[]): string => path.map(String).join('.').slice(0, longestPath)
const sentence = ({ path, message }: FieldError): string => (path === '' ? `The input is not valid: ${message}` : `${path}: ${message}`)
