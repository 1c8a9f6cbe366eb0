/**
 * Local mode's other mail server: takes every message that would have left for the internet, checks its signatures as a
 * stranger's server would, keeps it as a file and tells what it got. It relays nothing.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { type DNSResolver, authenticate } from 'mailauth'
import PostalMime from 'postal-mime'
import { SMTPServer } from 'smtp-server'
import { type Resolver, forMailauth } from '../../dns/resolver.ts'
import type { Clock } from '../platform/clock.ts'

/** One received message. `dkim` has a result per signature, such as `pass (agents.test, mm20261122r)`. */
export type ReceivedLetter = {
  reversePath: string
  forwardPaths: string[]
  from: string
  subject: string
  text: string
  inReplyTo: string | null
  dkim: string[]
  dmarc: string
  file: string
  raw: Buffer
}

type ReceiverDeps = {
  host: string
  port: number
  /** folder for the messages; made when missing */
  directory: string
  tls: { key: string; cert: string }
  resolver: Resolver
  clock: Clock
  onLetter(letter: ReceivedLetter): void
}

export type Receiver = { listen(): Promise<{ host: string; port: number }>; close(): Promise<void> }

const maxMessageBytes = 64 * 1024 * 1024
const hostname = 'receiver.localhost'

export function createReceiver(deps: ReceiverDeps): Receiver {
  let count = 0
  // mailauth takes what dns.promises.resolve gives; its type leaves out the shapes of MX.
  const resolver = forMailauth(deps.resolver) as DNSResolver
  const server = new SMTPServer({
    name: hostname,
    ...deps.tls,
    size: maxMessageBytes,
    disabledCommands: ['AUTH'],
    disableReverseLookup: true,
    hideSMTPUTF8: false,
    onData: (stream, session, done) => {
      const envelope = {
        reversePath: session.envelope.mailFrom === false ? '' : session.envelope.mailFrom.address,
        forwardPaths: session.envelope.rcptTo.map((to) => to.address),
      }
      const client = { ip: session.remoteAddress, helo: session.hostNameAppearsAs }
      buffer(stream)
        .then((raw) => {
          if (stream.sizeExceeded) throw Object.assign(new Error('5.3.4 Message too big'), { responseCode: 552 })
          return keep(raw, envelope, client)
        })
        .then((letter) => {
          deps.onLetter(letter)
          done(null, `received as ${letter.file}`)
        }, done)
    },
  })

  async function keep(
    raw: Buffer,
    envelope: Pick<ReceivedLetter, 'reversePath' | 'forwardPaths'>,
    client: { ip: string; helo: string },
  ): Promise<ReceivedLetter> {
    const results = await authenticate(raw, { ...client, sender: envelope.reversePath, mta: hostname, resolver, disableBimi: true })
    const parsed = await PostalMime.parse(raw)
    count += 1
    const file = join(deps.directory, `${new Date(deps.clock.now()).toISOString().replaceAll(':', '-')}-${count}.eml`)
    await writeFile(file, Buffer.concat([Buffer.from(results.headers), raw]))
    return {
      ...envelope,
      from: parsed.from?.address ?? '',
      subject: parsed.subject ?? '',
      text: parsed.text ?? '',
      inReplyTo: parsed.inReplyTo ?? null,
      dkim: results.dkim.results.map((one) => `${one.status.result} (${one.signingDomain}, ${one.selector})`),
      dmarc: results.dmarc === false ? 'none' : results.dmarc.status.result,
      file,
      raw,
    }
  }

  return {
    listen: async () => {
      await mkdir(deps.directory, { recursive: true })
      return await new Promise((resolve, reject) => {
        server.once('error', reject)
        server.listen(deps.port, deps.host, () => {
          server.off('error', reject)
          server.on('error', () => {}) // one client's broken connection is its own affair
          const address = server.server.address()
          resolve({ host: deps.host, port: typeof address === 'object' && address !== null ? address.port : deps.port })
        })
      })
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}
