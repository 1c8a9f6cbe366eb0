/** rspamd, by its HTTP interface: the message as the body, what we know of the connection in header fields, JSON back. */
import { z } from 'zod'
import type { Log } from '../../platform/log.ts'
import type { Reason } from '../../model/reason.ts'
import { type Scan, type Scanned, notScanned, printable } from './scanner.ts'

const timeLimitMs = 15_000
const maxReplyBytes = 1024 * 1024
const maxSymbols = 8

const Symbols = z.record(z.string(), z.object({ name: z.string(), score: z.number() }))
const Reply = z.object({ action: z.string(), score: z.number(), symbols: Symbols.default({}) })

/** What rspamd would do, in our points: as much as flags a message, or keeps it from the inbox. Its own delays (greylist, soft reject) are not ours. */
const pointsOf: Readonly<Record<string, number>> = { reject: 12, 'rewrite subject': 6, 'add header': 6 }

/** @param url such as http://127.0.0.1:11333 */
export const createRspamdScan =
  ({ url, hostname, log }: { url: string; hostname: string; log: Log }): Scan =>
  async (message) => {
    try {
      const answer = await fetch(new URL('/checkv2', url), {
        method: 'POST',
        body: new Uint8Array(message.bytes),
        headers: headersOf(message, hostname),
        redirect: 'error',
        signal: AbortSignal.timeout(timeLimitMs),
      })
      if (!answer.ok) throw new Error(`rspamd answered ${answer.status}`)
      return { ...notScanned, reasons: [reasonOf(Reply.parse(JSON.parse(await limitedText(answer))))] }
    } catch (error) {
      log.warn({ reason: error instanceof Error ? error.message : String(error) }, 'scanner.rspamd-failed')
      return notScanned
    }
  }

function headersOf({ client, reversePath, forwardPaths }: Scanned, hostname: string): Headers {
  const headers = new Headers({ IP: client.ip, 'MTA-Name': hostname })
  // Header fields of HTTP are Latin-1; what does not fit is not told.
  const tell = (name: string, value: string): void => {
    if (/^[\x21-\x7e]{1,500}$/.test(value)) headers.append(name, value)
  }
  tell('Helo', client.helo)
  tell('From', reversePath ?? '<>')
  for (const path of forwardPaths) tell('Rcpt', path)
  return headers
}

async function limitedText(answer: Response): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of (answer.body ?? []) as AsyncIterable<Uint8Array>) {
    size += piece.length
    if (size > maxReplyBytes) throw new Error('rspamd answers at too great length')
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}

function reasonOf({ action, score, symbols }: z.infer<typeof Reply>): Reason {
  const loudest = Object.values(symbols)
    .toSorted((one, other) => Math.abs(other.score) - Math.abs(one.score))
    .slice(0, maxSymbols)
  const detail = printable(`${action}, ${score.toFixed(1)}: ${loudest.map(({ name }) => name).join(', ')}`)
  return { code: 'rspamd', points: pointsOf[action] ?? 0, words: 'What rspamd says of it', detail }
}
