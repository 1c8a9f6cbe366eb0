/** Our side, for senders that are not ours: the whole appliance as a process of its own, and what of their letters is in its store. */
import { createHash } from 'node:crypto'
import type { Appliance } from './child-appliance.ts'
import { createPremises } from './premises.ts'

export type ReceivingEnd = {
  port: number
  /** The letter with this Message-ID, as it is stored, and whose it is; null when there is none. */
  stored(messageId: string): Promise<{ raw: Buffer; forwardPaths: string[]; reversePath: string } | null>
  remove(): Promise<void>
}

export async function openReceivingEnd(): Promise<ReceivingEnd> {
  const premises = await createPremises({
    engine: 'sqlite',
    remotePort: 9,
    names: { 'remote.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] } },
  })
  const appliance: Appliance = await premises.start()
  return {
    port: appliance.smtp.port,
    stored: (messageId) =>
      premises.inspect(async (store) => {
        const found = store.db.selectFrom('emails').selectAll().where('message_id', '=', messageId)
        const email = await found.executeTakeFirst()
        const raw = email === undefined ? null : await store.blobs.read(store.db, email.raw_hash ?? '')
        return email === undefined || raw === null
          ? null
          : { raw, forwardPaths: JSON.parse(email.forward_paths_json) as string[], reversePath: email.reverse_path }
      }),
    remove: premises.remove,
  }
}

/** What a mail server can get wrong: letters beyond ASCII, the longest line there may be (RFC 5322 §2.1.1), dots that begin lines and one alone,
 *  spaces at the end of one, octets of an attachment, no text in the last line. Line ends CRLF. */
export function awkwardLetter(messageId: string): string {
  const octets = Buffer.concat([Buffer.from('\r\n.\r\n\0'), createHash('sha512').update(messageId).digest()])
  return [
    'From: =?utf-8?B?QsO2?= <bo@remote.test>',
    'To: support@ours.test',
    'Subject: Something awkward',
    'Date: Mon, 23 Nov 2026 10:00:00 +0000',
    `Message-ID: ${messageId}`,
    'MIME-Version: 1.0',
    'Content-Type: multipart/mixed; boundary="next"',
    '',
    '--next',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Grüße aus Köln, 東京 und 🏔️.',
    '.',
    '..',
    '.dots',
    `${'x'.repeat(997)}.`,
    'From here  ',
    '',
    '--next',
    'Content-Type: application/octet-stream; name="octets"',
    'Content-Transfer-Encoding: base64',
    '',
    octets.toString('base64'),
    '--next--',
    '',
    '',
  ].join('\r\n')
}

/** The message as its sender wrote it: what stands below the fields that servers on its way put in front. */
export function asWritten(raw: Buffer): string {
  const text = raw.toString()
  return text.slice(text.indexOf('From: =?utf-8?'))
}

/** The value of the Received field we added, on one line. */
export const ourReceived = (raw: Buffer): string =>
  (/^Received:((?:.*\r\n[\t ])*.*)\r\n/.exec(raw.toString())?.[1] ?? '').replace(/\r\n[\t ]+/g, ' ')
