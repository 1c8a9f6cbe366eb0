import { expect, it } from 'vitest'
import { openCliHost } from '../support/cli-host.ts'

it('people are looked after from the command line', async () => {
  const { store, said, run } = await openCliHost()
  const people = (...argv: string[]) => said('people', ...argv)
  expect(await people('list')).toContain('Nobody yet')
  const added = await people('add', 'Ann@elsewhere.example', '--name', 'Ann')
  expect(added).toMatch(/^per_\w{26}, reviewer\. To sign in .*\/session and type this code.*:\n(\w{4}-){3}\w{4}\n$/)
  const [id = 'none'] = /^per_\w+/.exec(added) ?? []
  expect(await run('people', 'add', 'ann@elsewhere.example')).toMatchObject({ code: 1, err: expect.stringContaining('already') })
  expect(await run('people', 'add', 'no address')).toMatchObject({ code: 1 })
  expect(await run('people', 'add', 'bo@elsewhere.example', '--role', 'king')).toMatchObject({ code: 2 })
  expect(await people('role', 'ann@elsewhere.example', 'operator')).toBe(`${id} is operator now.\n`)
  await people('list')
  expect(await run('keys', 'create', '--name', 'hers', '--owner', 'nobody@elsewhere.example')).toMatchObject({ code: 2 })
  const key = JSON.parse(await said('keys', 'create', '--name', 'hers', '--owner', 'ann@elsewhere.example', '--json')) as { id: string }
  expect(await people('list')).toBe(`${id}  operator  Ann@elsewhere.example  Ann  passkeys: 0  owns ${key.id}\n`)
  const recovered = JSON.parse(await people('recover', 'ann@elsewhere.example', '--json')) as { code: string; url: string }
  expect(recovered).toMatchObject({ id, url: expect.stringMatching(/\/session$/), code: expect.stringMatching(/^(\w{4}-){3}\w{4}$/) })
  expect(await people('remove', 'ann@elsewhere.example')).toBe(`Removed: ${id}.\nKeys that were theirs still work: ${key.id}.\n`)
  expect(await run('people', 'recover', 'ann@elsewhere.example')).toMatchObject({ code: 1 })
  // Whoever has that address from now on is somebody else.
  expect(await people('add', 'ann@elsewhere.example')).not.toContain(id)
  const rows = await store.db
    .selectFrom('log_entries')
    .select(['action', 'body'])
    .where('action', 'like', 'person.%')
    .orderBy('seq')
    .execute()
  expect(rows.map(({ action }) => action)).toEqual([
    'person.added',
    'person.role_changed',
    'person.recovered',
    'person.removed',
    'person.added',
  ])
  for (const { body } of rows) expect(body).not.toMatch(/elsewhere|Ann/)
})

it('says who is told after whom, and when not', async () => {
  const { said, run } = await openCliHost()
  const people = (...argv: string[]) => said('people', ...argv)
  await people('add', 'ann@elsewhere.example')
  await people('add', 'ben@elsewhere.example')
  expect(await people('turns')).toBe('All are told at once.\n')
  const both = ['--person', 'ben@elsewhere.example', '--person', 'ann@elsewhere.example']
  expect(await people('turns', ...both, '--after', '90')).toBe(
    'Everywhere else: ben@elsewhere.example, then ann@elsewhere.example; the next after 90 minutes.\n',
  )
  for (const wrong of [
    ['--person', 'nobody@elsewhere.example'],
    [...both, '--after', '0'],
    [...both, '--after', '1h'],
    [...both, '--all-at-once'],
    [...both, '--mailbox', 'nobody@ours.test'],
  ])
    expect((await run('people', 'turns', ...wrong)).code).toBeGreaterThan(0)
  expect(await people('turns', '--all-at-once')).toBe('All are told at once.\n')
  const night = ['--zone', 'Europe/Berlin', '--from', '22:00', '--to', '07:00']
  expect(await people('quiet', 'ann@elsewhere.example', ...night)).toBe('No letters from 22:00 to 07:00 (Europe/Berlin).\n')
  expect((await run('people', 'quiet', 'ann@elsewhere.example')).code).toBe(2)
  expect((await run('people', 'quiet', 'nobody@elsewhere.example', ...night)).code).toBe(1)
  expect(await people('quiet', 'ann@elsewhere.example', '--off')).toBe('Letters at any time.\n')
})
