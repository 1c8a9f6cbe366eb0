import { Worker } from 'node:worker_threads'
import type { Clock } from '../platform/clock.ts'
import { htmlFromMarkdown } from './markdown.ts'

/** Markdown as an HTML document; null when it took too long or too much memory. */
export type Render = (markdown: string) => Promise<string | null>

/** Up to here even the worst text takes about 50 ms, so it is done at once. A longer one can be made to take more than a second
 *  (`![a` 87,000 times), in which nothing else would be answered, so it goes to a thread. */
const longestAtOnce = 8192
/** A table is the exception: rows are filled up to the width of its head, so 2 KB can be 65,000 cells and half a second. */
const mostCellsAtOnce = 20_000
const timeLimitMs = 10_000
const heapLimits = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 32 }

const file = new URL('./render-thread.ts', import.meta.url)

/** Long texts are rendered one after the other: however many are handed in, one thread is the most they get. */
export function createRender(clock: Clock): Render {
  let last: Promise<unknown> = Promise.resolve()
  return (markdown) => {
    if (markdown.length <= longestAtOnce && mostCells(markdown) <= mostCellsAtOnce) return Promise.resolve(htmlFromMarkdown(markdown))
    const mine = last.then(() => inThread(markdown, clock))
    last = mine.catch(() => null)
    return mine
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
