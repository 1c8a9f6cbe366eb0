import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { missingPeer } from '../support/peers.ts'

const run = promisify(execFile)
const check = join(import.meta.dirname, '..', '..', 'docs', 'model', 'check')

describe.skipIf(missingPeer('coqc'))('the proved model', () => {
  it('holds, assumes nothing, and says what its table says', { timeout: 180_000 }, async () => {
    const { stdout } = await run(check)
    expect(stdout.trim().split('\n').at(-1)).toMatch(/^22 theorems, no assumptions; \d{4} lines of the table$/)
  })
})
