import { createTransport } from 'nodemailer'

export type RawMessage = { host?: string; port: number; reversePath: string; forwardPaths: readonly string[]; raw: string | Buffer }

/** One transaction with a mail server on loopback, over TLS when it offers that, of exactly these bytes. Rejects, with `responseCode`
 *  when there was an answer, unless it was acknowledged. */
export async function sendRaw({ host = '127.0.0.1', port, reversePath, forwardPaths, raw }: RawMessage): Promise<void> {
  const client = createTransport({ host, port, tls: { rejectUnauthorized: false } })
  try {
    await client.sendMail({ envelope: { from: reversePath, to: [...forwardPaths] }, raw })
  } finally {
    client.close()
  }
}
