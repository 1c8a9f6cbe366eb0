import { randomBytes } from 'node:crypto'

/** Names one request in its answer and in the log. Ours alone: one taken from a caller could be made to look like another's. */
export const requestId = (): string => `req_${randomBytes(12).toString('base64url')}`
