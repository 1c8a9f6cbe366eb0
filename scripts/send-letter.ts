/**
 * Sends one letter over SMTP to the server on this machine, as another mail server would. Without options: from a stranger of local mode's
 * little world to its demo mailbox.
 * Usage: npm run letter -- [--from ADDRESS] [--to ADDRESS] [--subject TEXT] [--text TEXT] [--in-reply-to MESSAGE-ID]
 */
import { parseArgs } from 'node:util'
import { createTransport } from 'nodemailer'
import { loadConfig, problemsText } from '../config/load.ts'
import { demoDomain, strangerDomain } from '../server/local/zone.ts'
import { dialable } from '../server/platform/reach.ts'

export type Letter = { host: string; port: number; from: string; to: string; subject: string; text: string; inReplyTo?: string }

/** @returns what the server said when it took the letter; throws with its reply when it refused */
export async function sendLetter({ host, port, inReplyTo, ...letter }: Letter): Promise<string> {
  const transport = createTransport({
    host,
    port,
    name: letter.from.slice(letter.from.lastIndexOf('@') + 1),
    // Like most mail servers we take any certificate of a peer we know only by its address (RFC 7435).
    tls: { rejectUnauthorized: false },
  })
  try {
    const sent = await transport.sendMail({ ...letter, ...(inReplyTo !== undefined && { inReplyTo, references: inReplyTo }) })
    return sent.response
  } finally {
    transport.close()
  }
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      from: { type: 'string', default: `ada@${strangerDomain}` },
      to: { type: 'string', default: `agent@${demoDomain}` },
      subject: { type: 'string', default: 'Lunch on Friday?' },
      text: { type: 'string', default: 'Shall we say noon?\n\nAda' },
      'in-reply-to': { type: 'string' },
    },
  })
  const loaded = loadConfig()
  if (!loaded.ok) return complain(problemsText(loaded.problems), 2)
  const { host, port } = loaded.config.smtp
  const { 'in-reply-to': inReplyTo, ...letter } = values
  try {
    console.log(await sendLetter({ host: dialable(host), port, ...letter, ...(inReplyTo !== undefined && { inReplyTo }) }))
    return 0
  } catch (error) {
    return complain(`The letter was not taken: ${error instanceof Error ? error.message : String(error)}`, 1)
  }
}

function complain(message: string, exitCode: number): number {
  console.error(message)
  return exitCode
}

if (import.meta.main) process.exitCode = await main()
