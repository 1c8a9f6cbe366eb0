// Runs tools one after another and stops at the first that complains: what check.ts and fix.ts have in common.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')

/** A step runs on this Node, so on the pinned one; `npm` is the exception, because a step may be an npm script. */
type Step = { name: string; run: readonly [tool: string, ...args: string[]] }

/** Exits with the status of the first step that fails. */
export function runSteps(steps: readonly Step[]): void {
  for (const { name, run } of steps) {
    const [tool, ...args] = run
    const startedAt = performance.now()
    console.log(`\n▸ ${name}`)
    const [command, argv] = tool === 'npm' ? ['npm', args] : [process.execPath, [join('node_modules', tool), ...args]]
    const { status, signal, error } = spawnSync(command, argv, { cwd: root, stdio: 'inherit' })
    if (error !== undefined) throw error
    if (status !== 0) {
      console.error(`\n✗ ${name}: ${tool} ended with ${signal ?? status}. What comes after it was not run.`)
      process.exit(status ?? 1)
    }
    console.log(`✓ ${name} (${((performance.now() - startedAt) / 1000).toFixed(1)} s)`)
  }
}
