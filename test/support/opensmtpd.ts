/**
 * A real OpenSMTPD as another host's mail server that sends: its own configuration and users, its queue in a folder that only it sees, one
 * route for everything.
 */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCertificate } from './certificate.ts'
import { freePort } from './free-port.ts'
import { createOwnMachine } from './own-machine.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { type RawMessage, sendRaw } from './send-raw.ts'
import { whenSeen } from './when-seen.ts'

/** What it does about TLS: takes what is offered, insists, or does without. How a route says so. */
const routes = {
  offered: (port: number) => `smtp://127.0.0.1:${port}`,
  required: (port: number) => `smtp+tls://127.0.0.1:${port} tls no-verify`,
  never: (port: number) => `smtp+notls://127.0.0.1:${port}`,
} as const
export type OpenSmtpdTls = keyof typeof routes

export type OpenSmtpd = {
  /** where it takes mail, on loopback */
  port: number
  /** Hands in one message. It is sent on soon. */
  submit(mail: Omit<RawMessage, 'host' | 'port'>): Promise<void>
  /** The part of its log that matches, once there is one. */
  logged(pattern: RegExp): Promise<string>
  stop(): Promise<void>
}

// A test that is killed cannot stop it: it then ends by itself.
const longestLifeSeconds = '900'

/** @param options.port where all its mail goes, on loopback @param options.offersTls to whoever brings it mail; Debian's 6.8 then fails at
 *  the handshake, for the process that keeps its key cannot sign with OpenSSL 3 */
export async function startOpenSmtpd(options: {
  hostname: string
  port: number
  tls: OpenSmtpdTls
  offersTls?: boolean
}): Promise<OpenSmtpd> {
  const scratch = await createScratch('opensmtpd')
  const at = (name: string): string => join(scratch.path, name)
  const machine = await createOwnMachine(scratch.path, {
    users: ['opensmtpd', 'opensmtpq'],
    empty: ['/var/spool', '/var/lib', '/run'],
    made: ['/var/spool/smtpd', '/var/lib/opensmtpd/empty'],
  })
  const port = await freePort()
  if (options.offersTls) await writeCertificate(at, options.hostname)
  await writeFile(at('conf'), configuration(port, options, at))
  await writeFile(at('log'), '')
  const logged = (pattern: RegExp): Promise<string> =>
    whenSeen(scratch.path, async () => pattern.exec(await readFile(at('log'), 'utf8'))?.[0], `${String(pattern)} in the log of OpenSMTPD`)
  const daemon = ['timeout', longestLifeSeconds, peerPath('smtpd'), '-d', '-v', '-f', at('conf')]
  const program = await startProgram({
    ...machine.command('sh', '-c', `exec "$@" >${at('log')} 2>&1`, 'sh', ...daemon),
    ready: () => logged(/smtp: will accept at most/),
  }).catch(async (error: unknown) => {
    const log = await readFile(at('log'), 'utf8')
    await scratch.remove()
    throw new Error(`${String(error)}\n${log}`, { cause: error })
  })
  return {
    port,
    logged,
    submit: (mail) => sendRaw({ port, ...mail }),
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}

async function writeCertificate(at: (name: string) => string, hostname: string): Promise<void> {
  const { key, cert } = await makeCertificate(hostname)
  await writeFile(at('cert.pem'), cert)
  await writeFile(at('key.pem'), key, { mode: 0o600 })
}

type Options = { hostname: string; port: number; tls: OpenSmtpdTls; offersTls?: boolean }

const configuration = (listensAt: number, { hostname, port, tls, offersTls = false }: Options, at: (name: string) => string): string =>
  [
    ...(offersTls ? [`pki own cert "${at('cert.pem')}"`, `pki own key "${at('key.pem')}"`] : []),
    `listen on 127.0.0.1 port ${listensAt}${offersTls ? ' tls pki own' : ''} hostname ${hostname}`,
    `action send relay helo ${hostname} host ${routes[tls](port)}`,
    'match from any for any action send',
    '',
  ].join('\n')
