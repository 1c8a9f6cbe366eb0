import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { maxSockets } from '../../../server/inbound/smtp/sockets.ts'
import { maxDescriptors } from '../../../server/platform/descriptors.ts'
import { createScratch } from '../../support/scratch.ts'

it.each([
  [1_000, null, 2_000],
  [1_000, 1_048_576, 2_000],
  [1_000, 1_024, 724],
  [1_000, 100, 10],
])('for %i connections where the system allows %s open files: %i sockets', (connections, descriptors, sockets) =>
  expect(maxSockets(connections, descriptors)).toBe(sockets),
)

it('what the system allows is read where it says so', async () => {
  const scratch = await createScratch('limits')
  const file = join(scratch.path, 'limits')
  writeFileSync(
    file,
    'Limit                     Soft Limit           Hard Limit           Units\nMax open files            4096                 524288               files\n',
  )
  expect([maxDescriptors(file), maxDescriptors(join(scratch.path, 'none'))]).toEqual([4_096, null])
  await scratch.remove()
})
