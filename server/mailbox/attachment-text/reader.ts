/**
 * What is written in an attachment: PDF, Office, OpenDocument, web pages, and what is text anyway.
 *
 * Promises: a file is read in a thread of its own, with a limit of memory and of time, so that whatever is in it costs a few seconds of one core
 * and ends in a text or in a reason; never in a crash. One file is read at a time, and few wait.
 */
import { Worker } from 'node:worker_threads'
import { compound, isPage, typeByContent } from '../../model/file-type.ts'
import { type Result, fail, ok } from '../../model/result.ts'
import type { Clock } from '../../platform/clock.ts'
import type { FileText, TextFailure, TextKind, TextOutcome, TextTask } from './words.ts'

/** Larger files are not read. */
const largestReadBytes = 25 * 1024 * 1024
const timeLimitMs = 15_000
const mostWaiting = 10
const resourceLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32, stackSizeMb: 4 }
const file = new URL('./thread.ts', import.meta.url)

/** @param asked.contentType as declared, without parameters @param asked.mostCharacters of text that are given */
export type ReadText = (asked: {
  bytes: Buffer
  contentType: string
  mostCharacters: number
}) => Promise<Result<FileText, TextFailure | 'UNAVAILABLE'>>

/** @param options.limitMs for tests that wait for it */
export function createTextReader({ clock, limitMs = timeLimitMs }: { clock: Clock; limitMs?: number }): ReadText {
  let last: Promise<unknown> = Promise.resolve()
  let underWay = 0
  return async ({ bytes, contentType, mostCharacters }) => {
    if (bytes.length > largestReadBytes) return fail('ATTACHMENT_UNREADABLE')
    const how = howToRead(bytes, contentType)
    if (how === 'encrypted') return fail('ATTACHMENT_ENCRYPTED')
    if (how === null) return fail('ATTACHMENT_NO_TEXT')
    if (underWay >= mostWaiting) return fail('UNAVAILABLE', 'Too many files are being read. Try again in a minute.')
    underWay += 1
    const mine = last.then(() => inThread({ kind: how, bytes, mostCharacters }, { clock, limitMs })).finally(() => (underWay -= 1))
    last = mine.catch(() => null)
    const outcome = await mine
    return 'text' in outcome ? ok(outcome.text) : fail(outcome.failure)
  }
}

/** By the content first: a declared type is a claim. */
function howToRead(bytes: Buffer, contentType: string): TextKind | 'encrypted' | null {
  const real = typeByContent(bytes)
  if (real === 'application/pdf') return 'pdf'
  if (real === compound) return bytes.includes(encryptedPackage) ? 'encrypted' : null
  if (real !== null && /openxmlformats|opendocument|^application\/zip$/.test(real)) return 'office'
  if (real === 'text/html') return 'html'
  const isText = /^text\/|[/+](?:json|xml|yaml|ics|csv|javascript)$|^message\//.test(real ?? contentType.toLowerCase())
  if (!isText && !(real === null && looksLikeText(bytes))) return null
  return isPage(contentType) && /html/i.test(contentType) ? 'html' : 'plain'
}

/** How Office stores what has a password: MS-OFFCRYPTO §2.3.4.4. */
const encryptedPackage = Buffer.from('EncryptedPackage', 'utf16le')

const looksLikeText = (bytes: Buffer): boolean => bytes.length > 0 && !bytes.subarray(0, 8192).includes(0)

async function inThread(task: TextTask, { clock, limitMs }: { clock: Clock; limitMs: number }): Promise<TextOutcome> {
  const { promise, resolve } = Promise.withResolvers<TextOutcome>()
  const gaveUp = (): void => resolve({ failure: 'ATTACHMENT_UNREADABLE' })
  const thread = new Worker(file, { workerData: task, resourceLimits, stdout: true, stderr: true, env: {} })
  const alarm = clock.at(clock.now() + limitMs, gaveUp)
  thread.once('message', resolve)
  thread.once('error', gaveUp)
  thread.once('exit', gaveUp)
  try {
    return await promise
  } finally {
    alarm.cancel()
    await thread.terminate()
  }
}
