// Started by reader.ts, for one file.
import { parentPort, workerData } from 'node:worker_threads'
import { NotReadable, type TextOutcome, type TextTask } from './words.ts'

/** Memory outside of the heap is nothing that limits of a thread bound, and a PDF may ask for any amount of it at once. */
const largestBuffer = 64 * 1024 * 1024
globalThis.Uint8Array = new Proxy(Uint8Array, {
  construct(made, [first, ...rest]: [unknown, ...unknown[]], target): object {
    if (typeof first === 'number' && first > largestBuffer) throw new RangeError('too large')
    return Reflect.construct(made, [first, ...rest], target) as object
  },
})

async function read({ kind, ...task }: TextTask): Promise<TextOutcome> {
  try {
    if (kind === 'pdf') return { text: await (await import('./pdf.ts')).textOfPdf(task) }
    if (kind === 'office') return { text: await (await import('./office.ts')).textOfOffice(task) }
    const { textOfHtml, textOfPlain } = await import('./plain.ts')
    return { text: kind === 'html' ? textOfHtml(task) : textOfPlain(task) }
  } catch (error) {
    return { failure: error instanceof NotReadable ? error.failure : 'ATTACHMENT_UNREADABLE' }
  }
}

const port = parentPort
port?.postMessage(await read(workerData as TextTask))
