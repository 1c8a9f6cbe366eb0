import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'

const root = join(import.meta.dirname, '..', '..')
const execute = promisify(execFile)

/** The checkout's docker-compose.yml as a project of its own. */
export type Compose = {
  /** `docker compose …`: what it printed. Throws, with what it printed to stderr, when it fails. */
  run(...args: string[]): Promise<string>
  /** `docker compose up`, until it is healthy. Throws with what the server logged when it does not get there. */
  up(...options: string[]): Promise<void>
  containerId(): Promise<string>
  exitCode(container: string): Promise<number>
  /** Removes containers, network, volume and image. */
  remove(): Promise<void>
}

/** @param settings what an operator would write into `.env` */
export async function createCompose(settings: Record<string, string>): Promise<Compose> {
  await docker('info').catch((error: unknown) => {
    throw new Error('This test needs a Docker engine that answers `docker info`.', { cause: error })
  })
  const project = `multimail-test-${randomBytes(4).toString('hex')}`
  const run = async (...args: string[]) => await docker('compose', '--project-name', project, ...args)
  return {
    run,
    up: async (...options) => {
      await run('up', '--detach', '--wait', '--wait-timeout', '120', ...options).catch(async (error: unknown) => {
        throw new Error(`${String(error)}\n${await run('logs', '--no-color')}`, { cause: error })
      })
    },
    containerId: async () => (await run('ps', '--all', '--quiet', 'multimail')).trim(),
    exitCode: async (container) => Number(await docker('inspect', '--format', '{{.State.ExitCode}}', container)),
    remove: async () => {
      await run('down', '--volumes', '--rmi', 'local', '--timeout', '5')
    },
  }

  async function docker(...args: string[]): Promise<string> {
    // BuildKit's progress on a terminal is for people; and a build may take minutes, so no time limit here.
    const env = { ...process.env, BUILDKIT_PROGRESS: 'plain', ...settings }
    const { stdout } = await execute('docker', args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 })
    return stdout
  }
}
