import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, it, onTestFinished } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { createScratch } from '../support/scratch.ts'
import { connectSmtp } from '../support/smtp-client.ts'

const root = join(import.meta.dirname, '../..')
/** For the whole process; the listener leaves 300 of them to the rest. */
const descriptors = 360

/** The appliance, where the system allows few open files. @returns the port for mail */
async function start(): Promise<number> {
  const scratch = await createScratch('descriptors')
  const [smtp, http, receiver] = [await freePort(), await freePort(), await freePort()]
  const child = spawn('sh', ['-c', `ulimit -n ${descriptors} && exec "$0" server/main.ts`, process.execPath], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'] ?? '',
      NODE_COMPILE_CACHE: join(root, 'node_modules/.cache/node-compile'),
      MULTIMAIL_DATA_DIR: scratch.path,
      MULTIMAIL_LOG_LEVEL: 'warn',
      MULTIMAIL_SMTP_PORT: String(smtp),
      MULTIMAIL_HTTP_PORT: String(http),
      MULTIMAIL_LOCAL_RECEIVER_PORT: String(receiver),
    },
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    await once(child, 'exit')
    await scratch.remove()
  })
  for (let heard = ''; !heard.includes('inbound.few-descriptors');) heard += String((await once(child.stdout, 'data'))[0])
  while (!(await answers(smtp))) await nextTurn()
  return smtp
}

async function answers(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const came = await Promise.race([once(socket, 'data').then(() => true), once(socket, 'error').then(() => false)]).catch(() => false)
  socket.destroy()
  return came
}

it(
  'more connections than there are descriptors are closed as they come, and it is well again when they are gone',
  { timeout: 60_000 },
  async () => {
    const port = await start()
    const outcome = (socket: Socket): Promise<string> =>
      new Promise((known) => {
        socket.once('data', () => known('greeted'))
        socket.once('close', () => known('closed'))
        socket.on('error', () => {})
      })
    const flood = Array.from({ length: 500 }, () => connect({ port, host: '127.0.0.1' }))
    onTestFinished(() => flood.forEach((socket) => socket.destroy()))
    const outcomes = await Promise.all(flood.map(outcome))
    const greeted = outcomes.filter((one) => one === 'greeted').length
    expect(greeted).toBeGreaterThanOrEqual(10)
    expect(greeted).toBeLessThanOrEqual(descriptors - 300)
    for (const socket of flood) socket.destroy()
    let client = await connectSmtp(port, { hello: false })
    while (client.said.length === 0) client = await connectSmtp(port, { hello: false })
    expect(await client.ask('EHLO a.test')).toMatch(/^250/)
    client.close()
  },
)
