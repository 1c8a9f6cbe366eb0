import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'

it('the files that the Dockerfile loads are there', () => {
  const root = join(import.meta.dirname, '..', '..')
  const list = /for \(const file of \[([^\]]*)\]/.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))?.[1] ?? ''
  const files = [...list.matchAll(/'([^']+)'/g)].map(([, file]) => `server/${file}.ts`)
  expect(files.length).toBeGreaterThan(0)
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
})
