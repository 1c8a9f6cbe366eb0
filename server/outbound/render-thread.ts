import { parentPort, workerData } from 'node:worker_threads'
import { htmlFromMarkdown } from './markdown.ts'

const port = parentPort

// Started by render.ts, for one text.
port?.postMessage(htmlFromMarkdown(String(workerData)))
