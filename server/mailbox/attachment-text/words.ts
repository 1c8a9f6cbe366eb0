/** Between the thread that reads files and who asks it. */

/** `kind`: how the file is to be read. */
export type TextTask = { kind: TextKind; bytes: Uint8Array; mostCharacters: number }
export type TextKind = 'pdf' | 'office' | 'html' | 'plain'

/**
 * @property parts pages, sheets or slides that there are; null where a file has none
 * @property isDoubtful its octets are in no encoding known here, or are hardly a text: encrypted or packed data, or letters taken for others
 */
export type FileText = { text: string; isCut: boolean; parts: number | null; isDoubtful?: true }
export type TextFailure = 'ATTACHMENT_ENCRYPTED' | 'ATTACHMENT_UNREADABLE' | 'ATTACHMENT_NO_TEXT'
export type TextOutcome = { text: FileText } | { failure: TextFailure }

/** Thrown by readers for what is in a file. */
export class NotReadable extends Error {
  readonly failure: TextFailure
  constructor(failure: TextFailure) {
    super(failure)
    this.failure = failure
  }
}
