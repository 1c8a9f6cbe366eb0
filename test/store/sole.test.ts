import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { becomeSole } from '../../server/store/sqlite/sole.ts'
import { createScratch } from '../support/scratch.ts'

const module = join(import.meta.dirname, '..', '..', 'server', 'store', 'sqlite', 'sole.ts')

/** A process that holds the folder until it is killed. */
async function otherProcess(folder: string) {
  const program = `import { becomeSole } from ${JSON.stringify(module)}; becomeSole(${JSON.stringify(folder)}); console.log('held'); setInterval(() => {}, 1e6)`
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child
}

it('lets one appliance at a time have a folder, and the next one as soon as the first is gone, even killed', async () => {
  const scratch = await createScratch('sole')
  onTestFinished(() => scratch.remove())
  const other = await otherProcess(scratch.path)
  expect(() => becomeSole(scratch.path)).toThrow(/another MultiMail is running/)
  other.kill('SIGKILL')
  await once(other, 'exit')
  const first = becomeSole(scratch.path)
  expect(() => becomeSole(scratch.path)).toThrow(/another MultiMail is running/)
  first.release()
  becomeSole(scratch.path).release()
})
