/** Signed letters of about the size that is asked for, each another. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { dkimSign } from 'mailauth'
import { ourDomain, senderDomain } from './world.ts'

const count = 100
/** What the signature and the header come to. */
const aboutHeader = 1_200
const words =
  'the agent wrote back about the invoice and its shipping please confirm the order before our meeting tomorrow thanks regards'.split(' ')

export const makeKey = (): { privateKey: string; keyText: string } => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return {
    privateKey: String(privateKey.export({ type: 'pkcs8', format: 'pem' })),
    keyText: publicKey.export({ type: 'spki', format: 'der' }).toString('base64'),
  }
}

/** @param privateKey null: unsigned. @returns the folder */
export async function writeMessages(folder: string, kilobytes: number, privateKey: string | null): Promise<string> {
  const at = join(folder, `messages-${kilobytes}${privateKey === null ? '-unsigned' : ''}`)
  mkdirSync(at, { recursive: true })
  for (let number = 0; number < count; number++) {
    const message = letter(number, kilobytes)
    writeFileSync(join(at, `${number}.eml`), privateKey === null ? message : (await signaturesOf(message, privateKey)) + message)
  }
  return at
}

async function signaturesOf(message: string, privateKey: string): Promise<string> {
  const one = { canonicalization: 'relaxed/relaxed', signingDomain: senderDomain, selector: 'sel', privateKey } as const
  const { signatures } = await dkimSign(message, { ...one, signatureData: [one] })
  // mailauth signs nothing, and says nothing, without the list.
  if (signatures === '') throw new Error('the message was not signed')
  return signatures
}

/** Text of about that size for an agent to send. */
export const markdownOf = (kilobytes: number): string => prose(kilobytes * 1024)

/** A small one says it twice, in plain text and in HTML; a large one has a file. */
function letter(number: number, kilobytes: number): string {
  const boundary = `b-${number}-${randomBytes(8).toString('hex')}`
  const large = kilobytes > 20
  const header = [
    `Received: from app.${senderDomain} (app.${senderDomain} [192.0.2.9]) by mx.${senderDomain} with ESMTPS id ${number}; Mon, 23 Nov 2026 10:00:00 +0000`,
    `From: Ann Sender <ann@${senderDomain}>`,
    `To: Agent <agent@${ourDomain}>`,
    `Subject: Order ${number}: please confirm`,
    'Date: Mon, 23 Nov 2026 10:00:00 +0000',
    `Message-ID: <${boundary}@${senderDomain}>`,
    'MIME-Version: 1.0',
    `Content-Type: multipart/${large ? 'mixed' : 'alternative'}; boundary="${boundary}"`,
  ]
  const room = kilobytes * 1024 - aboutHeader
  const first = large ? [part('text/plain; charset=utf-8', prose(1_500)), file(room - 1_500)] : alternatives(room)
  return `${header.join('\r\n')}\r\n\r\n${first.map((text) => `--${boundary}\r\n${text}`).join('')}--${boundary}--\r\n`
}

const part = (type: string, text: string, more = 'Content-Transfer-Encoding: 7bit\r\n'): string =>
  `Content-Type: ${type}\r\n${more}\r\n${text}\r\n`

const alternatives = (room: number): string[] => [
  part('text/plain; charset=utf-8', prose(room * 0.4)),
  part('text/html; charset=utf-8', `<html><body>\r\n${prose(room * 0.6, '<p>')}</body></html>\r\n`),
]

function file(room: number): string {
  const bytes = randomBytes(Math.floor(room / 78) * 57)
  const text = bytes.toString('base64').replaceAll(/.{76}/g, '$&\r\n')
  const more = 'Content-Disposition: attachment; filename="report.pdf"\r\nContent-Transfer-Encoding: base64\r\n'
  return part('application/pdf; name="report.pdf"', text, more)
}

function prose(room: number, start = ''): string {
  let text = ''
  while (text.length < room) {
    const line = Array.from({ length: 10 }, () => words[Math.floor(Math.random() * words.length)]).join(' ')
    text += `${start}${line}\r\n`
  }
  return text
}
