/**
 * Reads messages in worker threads with a heap limit and a time limit.
 *
 * Promise: every message gives a ParsedMessage, whatever is in it; what could not be read is flagged. A message made to be slow costs
 * the others at most the short limit of the quick lane: it is then moved to the slow lane, where large messages are from the start.
 */
import { splitMessage } from '../model/headers.ts'
import type { Log } from '../platform/log.ts'
import type { ReadableText } from './content.ts'
import { type Lane, type Outcome, createLane } from './lane.ts'
import { type MessageFlag, type ParsedMessage, unreadMessage } from './parsed-message.ts'
import type { ReadMessage } from './read-message.ts'

/** `parse` gives null when too many messages are waiting already: nothing is wrong with this one, and it may come again. */
export type Parser = { parse(bytes: Buffer): Promise<ParsedMessage | null>; close(): Promise<void> }

/** Parsing 5 KB takes half a millisecond; a loaded machine that has just started a thread takes a second. */
const quick = { threads: 2, timeLimitMs: 2_000, maxWaiting: 1_000, heapMb: 96 }
const slow = { threads: 1, timeLimitMs: 10_000, maxWaiting: 8, heapMb: 256 }
const largeMessage = 2 * 1024 * 1024
const maxSalvagedHeader = 64 * 1024

const worker = new URL('parse-worker.ts', import.meta.url)

/** @param options.limits for tests that wait for a limit to be reached */
export function createParser({ log, limits = {} }: { log: Log; limits?: { quickMs?: number; slowMs?: number } }): Parser {
  const quickLane = createLane({ ...quick, timeLimitMs: limits.quickMs ?? quick.timeLimitMs, worker, log })
  const slowLane = createLane({ ...slow, timeLimitMs: limits.slowMs ?? slow.timeLimitMs, worker, log })

  async function parse(bytes: Buffer): Promise<ParsedMessage | null> {
    const read = await readIn([...(bytes.length > largeMessage ? [] : [quickLane]), slowLane], bytes)
    if (read.kind === 'busy') return null
    if (read.kind !== 'done') return salvage(bytes, read)
    return withText(read.value)
  }

  async function salvage(bytes: Buffer, problem: Extract<Outcome<ReadMessage>, { kind: 'timeout' | 'failed' }>): Promise<ParsedMessage> {
    const flags: MessageFlag[] = ['unparsable', problem.kind === 'failed' ? 'parse-failed' : 'parse-timeout']
    log.warn({ size: bytes.length, problem: problem.kind }, 'parser.gave-up')
    const header = splitMessage(bytes).header.subarray(0, maxSalvagedHeader)
    const read = await quickLane.run<ReadMessage>('readHeaderOnly', { header, flags })
    return read.kind === 'done' ? read.value.message : unreadMessage(flags)
  }

  async function withText({ message, html, forwarded }: ReadMessage): Promise<ParsedMessage> {
    if (html === null) return message
    const text = await htmlText(html, forwarded)
    return { ...message, markdown: text.markdown, extracted: text.extracted, flags: [...message.flags, ...text.flags] }
  }

  async function htmlText(html: string, forwarded: boolean): Promise<ReadableText> {
    const good = await quickLane.run<ReadableText>('htmlText', { html, forwarded })
    if (good.kind === 'done') return good.value
    const simple = await quickLane.run<ReadableText>('simpleHtmlText', { html, forwarded })
    return simple.kind === 'done' ? simple.value : { markdown: '', extracted: '', flags: ['html-simplified', 'unparsable'] }
  }

  return {
    parse,
    async close() {
      await Promise.all([quickLane.close(), slowLane.close()])
    },
  }
}

/** The first lane's answer; a later lane's when the earlier had no time for it. Out of memory is final: more time does not help. */
async function readIn(lanes: readonly Lane[], bytes: Buffer): Promise<Outcome<ReadMessage>> {
  let outcome: Outcome<ReadMessage> = { kind: 'busy' }
  for (const lane of lanes) {
    outcome = await lane.run<ReadMessage>('readMessage', bytes)
    if (outcome.kind === 'done' || outcome.kind === 'failed') return outcome
  }
  return outcome
}
