import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { stripVTControlCharacters, promisify } from 'node:util'
import { expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')

// A whole appliance of its own, which a busy machine takes its time for.
it('npm run demo plays the story to its end: a letter in, a signed and aligned answer out', { timeout: 60_000 }, async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'scripts', 'demo.ts')], { cwd: root })
  const told = stripVTControlCharacters(stdout)
  expect(told.match(/^\d(?=\. )/gm)).toEqual(['1', '2', '3', '4', '5', '6'])
  expect(told).toContain('pending_approval')
  expect(told).toMatch(/"pass \(agents\.test, \w+e\)",\s+"pass \(agents\.test, \w+r\)"/)
  expect(told).toMatch(/"dmarc": "pass"/)
})
