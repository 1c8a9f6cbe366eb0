/** Recognises the reports that mail systems send each other, in the worker. Pure. */
import type { ParsedMessage } from '../parsed-message.ts'
import type { ArrivedReport } from './arrived-report.ts'

/** @param raw as received. Null for a letter, and for a report that cannot be read: it then is a letter. Never throws, never takes long. */
export const recogniseReport = (_message: { raw: Buffer; parsed: ParsedMessage }): Promise<ArrivedReport | null> => Promise.resolve(null)
