/**
 * The README's first ten minutes, run as they are written: `npm start` in one shell, the other commands one after another in a second. The
 * folder is one of our own with the checkout's files linked into it, so that `./data` is not the developer's.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, readdir, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../support/free-port.ts'
import { createScratch } from '../support/scratch.ts'

const root = join(import.meta.dirname, '..', '..')
const [startCommand = '', ...otherCommands] = await commandsOf('The first ten minutes')
const [lastCommand = ''] = otherCommands.splice(-1)

describe('the first ten minutes of the README', () => {
  let folder: Awaited<ReturnType<typeof createScratch>>
  let server: ChildProcess
  let env: NodeJS.ProcessEnv
  let told = ''
  let heard: (words: string) => Promise<void>

  beforeAll(async () => {
    folder = await createScratch('readme')
    for (const name of await readdir(root)) if (name !== 'data' && name !== '.git') await symlink(join(root, name), join(folder.path, name))
    env = await cleanEnvironment()
    server = spawn('bash', ['-c', startCommand], { cwd: folder.path, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    heard = listenTo(server, (piece) => (told += piece))
    await heard('Stop with Ctrl-C')
  }, 60_000)

  afterAll(async () => {
    if (server.pid !== undefined && server.exitCode === null) {
      process.kill(-server.pid, 'SIGTERM')
      await once(server, 'exit')
    }
    await folder.remove()
  })

  it('begins with npm start', () => {
    expect(startCommand.trim()).toBe('npm start')
    expect(told).toContain('agent@agents.test')
    expect(told).toMatch(/agent key +mm_live_/)
  })

  it('takes a newcomer from a letter in to a signed answer out, by its own commands', { timeout: 120_000 }, async () => {
    const before = await shell(otherCommands.join('\n'), folder.path, env)
    expect(before.status, before.output).toBe(0)
    // A person sees this in the first terminal before typing the last command.
    await heard('a message left')
    const after = await shell(lastCommand, folder.path, env)
    expect(after.status, after.output).toBe(0)
    const output = before.output + after.output
    expect(output).toContain('Stored as em_') // the letter
    expect(output).toContain('"unread"') // check_inbox
    expect(output).toContain('pending_approval') // the answer waits
    expect(output).toContain('ada@remote.test') // what the reviewer saw
    expect(output).toMatch(/approved/)
    expect(output).toMatch(/DKIM-Signature: v=1/) // in the file the receiver kept
    expect(output).toMatch(/In-Reply-To: </)
    expect(told).toMatch(/DKIM +pass \(agents\.test/)
  })
})

/** The `sh` blocks of one section of the README. */
async function commandsOf(section: string): Promise<string[]> {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const text = readme.split(/^## /m).find((part) => part.startsWith(section)) ?? ''
  return [...text.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block ?? '')
}

/** What a newcomer's shell has, and ports that nobody else uses. */
async function cleanEnvironment(): Promise<NodeJS.ProcessEnv> {
  const kept = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(MULTIMAIL_|DATABASE_URL|VITEST|NODE_|npm_)/.test(name)),
  )
  const [smtp, http, receiver] = [await freePort(), await freePort(), await freePort()]
  return {
    ...kept,
    MULTIMAIL_SMTP_PORT: String(smtp),
    MULTIMAIL_HTTP_PORT: String(http),
    MULTIMAIL_LOCAL_RECEIVER_PORT: String(receiver),
  }
}

/** @returns resolves once these words have been printed; rejects when the program ends without them */
function listenTo(child: ChildProcess, hear: (piece: string) => void): (words: string) => Promise<void> {
  let all = ''
  const look = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (piece: Buffer) => {
      all += String(piece)
      hear(String(piece))
      for (const again of look) again()
    })
  return (words) =>
    new Promise((resolve, reject) => {
      const again = (): void => {
        if (all.includes(words)) resolve()
      }
      look.add(again)
      child.once('exit', (code) => reject(new Error(`ended with ${code} before it said "${words}":\n${all}`)))
      again()
    })
}

async function shell(commands: string, cwd: string, env: NodeJS.ProcessEnv): Promise<{ status: number | null; output: string }> {
  const child = spawn('bash', ['-e', '-o', 'pipefail', '-c', commands], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (piece: Buffer) => (output += String(piece)))
  const [status] = (await once(child, 'close')) as [number | null]
  return { status, output }
}
