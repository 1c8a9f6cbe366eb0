import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { memoryEnv, memoryFlags } from '../../scripts/memory.mjs'

const root = join(import.meta.dirname, '..', '..')
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')

it('the files that the Dockerfile loads are there', () => {
  const list = /for \(const file of \[([^\]]*)\]/.exec(dockerfile)?.[1] ?? ''
  const files = [...list.matchAll(/'([^']+)'/g)].map(([, file]) => `server/${file}.ts`)
  expect(files.length).toBeGreaterThan(0)
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
})

it('the container is started as sparing with memory as npm start is', () => {
  const command = /^CMD (\[.*\])$/m.exec(dockerfile)?.[1] ?? '[]'
  expect(JSON.parse(command)).toEqual(['node', ...memoryFlags, 'server/main.ts'])
  for (const [name, value] of Object.entries(memoryEnv)) expect(dockerfile).toContain(`ENV ${name}=${value}\n`)
})
