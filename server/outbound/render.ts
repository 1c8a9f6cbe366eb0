import { Worker } from 'node:worker_threads'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import { htmlFromMarkdown } from './markdown.ts'

/** Markdown as an HTML document. MESSAGE_TOO_LARGE: it took too long or too much memory. UNAVAILABLE: too many long texts wait already. */
export type Render = (markdown: string) => Promise<Result<string, 'MESSAGE_TOO_LARGE' | 'UNAVAILABLE'>>

/** Up to here even the worst text takes about 50 ms, so it is done at once. A longer one can be made to take more than a second
 *  (`![a` 87,000 times), in which nothing else would be answered, so it goes to a thread. */
const longestAtOnce = 8192
/** A table is the exception: rows are filled up to the width of its head, so 2 KB can be 65,000 cells and half a second. */
const mostCellsAtOnce = 20_000
const timeLimitMs = 10_000
/** Whoever comes last waits for ten others at most, so that nobody can fill everybody's time. */
const mostAtOneTime = 10
const heapLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 }

const file = new URL('./render-thread.ts', import.meta.url)

/** Long texts are rendered one after the other: however many are handed in, one thread is the most they get. */
export function createRender(clock: Clock): Render {
  let last: Promise<unknown> = Promise.resolve()
  let underWay = 0
  return async (markdown) => {
    if (markdown.length <= longestAtOnce && mostCells(markdown) <= mostCellsAtOnce) return ok(htmlFromMarkdown(markdown))
    if (underWay >= mostAtOneTime) return fail('UNAVAILABLE', 'Too many long texts are being rendered. Try again in a minute.')
    underWay += 1
    const mine = last.then(() => inThread(markdown, clock)).finally(() => (underWay -= 1))
    last = mine.catch(() => null)
    const html = await mine
    return html === null ? fail('MESSAGE_TOO_LARGE', 'This Markdown takes too long to render. Make it shorter, or simpler.') : ok(html)
  }
}

/** No table in the text can have more. */
const mostCells = (markdown: string): number => (markdown.split('|').length - 1) * markdown.split('\n').length

async function inThread(markdown: string, clock: Clock): Promise<string | null> {
  const { promise, resolve } = Promise.withResolvers<string | null>()
  const thread = new Worker(file, { workerData: markdown, resourceLimits: heapLimits })
  const alarm = clock.at(clock.now() + timeLimitMs, () => resolve(null))
  thread.once('message', resolve)
  thread.once('error', () => resolve(null))
  thread.once('exit', () => resolve(null))
  try {
    return await promise
  } finally {
    alarm.cancel()
    await thread.terminate()
  }
}
