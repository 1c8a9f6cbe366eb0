import { createTransport } from 'nodemailer'
import { beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { type Compose, createCompose } from './compose.ts'

// The story of an operator's first evening, with the real image on a real engine: docker-compose.yml as it is, on free ports.

type Key = { key: string }
type Setup = { mailbox: { address: string }; keys: { agent: Key; reviewer: Key }; dns_records: unknown[] }
type Inbox = { messages: { subject: string }[] }

let compose: Compose
let ports: { smtp: number; http: number }
let setup: Setup

beforeAll(async () => {
  ports = { smtp: await freePort(), http: await freePort() }
  compose = await createCompose({
    MULTIMAIL_HOSTNAME: 'mail.example.test',
    PUBLISH_SMTP: `127.0.0.1:${ports.smtp}`,
    PUBLISH_HTTP: `127.0.0.1:${ports.http}`,
  })
  return compose.remove
})

const inside = async (...command: string[]) => await compose.run('exec', '--no-TTY', 'multimail', ...command)
const shell = async (script: string) => (await inside('sh', '-c', script)).trim()

async function inbox(): Promise<Inbox> {
  const address = `http://127.0.0.1:${ports.http}/check_inbox?mailbox=${encodeURIComponent(setup.mailbox.address)}`
  const answer = await fetch(address, { headers: { authorization: `Bearer ${setup.keys.agent.key}` } })
  expect(answer.status).toBe(200)
  return (await answer.json()) as Inbox
}

describe('the container', () => {
  it('is built, and starts, and says it is healthy', { timeout: 600_000 }, async () => {
    await compose.up('--build')
    const health = await fetch(`http://127.0.0.1:${ports.http}/health`)
    expect(await health.json()).toMatchObject({ status: 'ok' })
  })

  it('is set up by one command, which prints keys and the records to publish', async () => {
    setup = JSON.parse(await inside('multimail', 'setup', '--domain', 'example.test', '--json')) as Setup
    expect(setup).toMatchObject({
      mailbox: { address: 'agent@example.test' },
      keys: { agent: { key: expect.stringMatching(/^mm_live_/) }, reviewer: { key: expect.stringMatching(/^mm_live_/) } },
    })
    expect(setup.dns_records).not.toHaveLength(0)
  })

  it('takes in a letter on the published port, which the agent reads', async () => {
    const mailer = createTransport({ host: '127.0.0.1', port: ports.smtp, tls: { rejectUnauthorized: false } })
    await mailer.sendMail({ from: 'bo@elsewhere.test', to: setup.mailbox.address, subject: 'First letter', text: 'Is anybody there?' })
    expect(await inbox()).toMatchObject({ messages: [{ subject: 'First letter' }] })
  })

  it('is not root, holds no capability, and cannot gain one', async () => {
    const status = await shell(
      'cat /proc/1/status; for p in /proc/[0-9]*; do grep -E "^(Uid|CapEff|CapBnd|NoNewPrivs)" $p/status; done 2>/dev/null',
    )
    const values = (field: string) => [...new Set([...status.matchAll(new RegExp(`^${field}:\\s+(.*)$`, 'gm'))].map(([, value]) => value))]
    expect(values('Uid')).toEqual(['1000\t1000\t1000\t1000'])
    expect(values('CapEff')).toEqual(['0000000000000000'])
    expect(values('CapBnd')).toEqual(['0000000000000000'])
    expect(values('NoNewPrivs')).toEqual(['1'])
  })

  it('writes to its volume and to /tmp, and nowhere else', async () => {
    const tried = await shell(
      'for d in /data /tmp /app /app/server /home/node /var/tmp /; do touch $d/probe 2>/dev/null && echo $d && rm $d/probe; done; true',
    )
    expect(tried.split('\n')).toEqual(['/data', '/tmp'])
    expect(await shell('grep " / " /proc/mounts | grep -c "[ ,]ro[ ,]"')).toBe('1')
  })

  it('keeps the letter and the keys over a restart, and stops in good order', async () => {
    const before = await compose.containerId()
    await compose.run('stop')
    expect(await compose.exitCode(before)).toBe(0)
    await compose.up()
    expect(await inbox()).toMatchObject({ messages: [{ subject: 'First letter' }] })
  })

  it('keeps them in a new container, too', async () => {
    await compose.up('--force-recreate')
    expect(await inbox()).toMatchObject({ messages: [{ subject: 'First letter' }] })
  })
})
