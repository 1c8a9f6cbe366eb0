/** Looks at what a message says, in the worker. Pure: no store, no network, no clock. */
import type { ParsedMessage } from '../parsed-message.ts'
import { type ContentFindings, nothingFound } from './findings.ts'

/** The readable message and what its text was made from. `html` '' and `plain` '' when there was none. */
export type ScannedMessage = { parsed: ParsedMessage; plain: string; html: string }

export const scanContent = (_message: ScannedMessage): ContentFindings => nothingFound
