import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { describe, expect, it } from 'vitest'
import { type Desk, openDesk } from '../support/desk.ts'
import { missingPythonClients, pythonOfClients } from '../support/peers.ts'
import { furnishScene } from '../support/scene.ts'
import { describeOnOneEngine } from '../support/stores.ts'

type Told = { name: string; result?: unknown; raised?: string; message?: string; status_code?: number; body?: Record<string, unknown> }

const folder = join(import.meta.dirname, 'python')

async function walk(desk: Desk): Promise<Map<string, Told>> {
  const ids = await furnishScene(desk, desk.ours)
  const child = spawn(
    pythonOfClients(),
    [
      '-I',
      '-B',
      '-X',
      'utf8',
      '-c',
      `import sys; sys.path.insert(0, sys.argv[1]); exec(open(sys.argv[2]).read())`,
      join(folder, 'stand-ins'),
      join(folder, 'walk.py'),
    ],
    { env: {} },
  )
  child.stdin.end(JSON.stringify({ url: desk.url, keys: desk.ours.keys, ids }))
  const [printed, complaints] = await Promise.all([text(child.stdout), text(child.stderr)])
  expect(complaints).toBe('')
  const told = printed
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Told)
  return new Map(told.map((one) => [one.name, one]))
}

/** What is meant to be raised. */
const errors: Record<string, object> = {
  'wrong key': { raised: 'AuthenticationError', status_code: 401 },
  'missing scope': { raised: 'MultiMailError', status_code: 403, message: expect.stringContaining('Requires send scope') },
  'no such email': { raised: 'NotFoundError', status_code: 404, message: expect.stringContaining('Email not found') },
  'wrong input': { raised: 'MultiMailError', status_code: 400, body: { error: expect.any(String), code: 'NO_RECIPIENTS' } },
}

describe.skipIf(missingPythonClients())('the published Python clients', () => {
  describeOnOneEngine('multimail 0.1.1 and the toolkits on it', (openStore) => {
    it('work with nothing changed but the base URL', { timeout: 120_000 }, async () => {
      const told = await walk(await openDesk(openStore, { adminApproval: 'off' }))
      for (const [name, error] of Object.entries(errors)) expect(told.get(name)).toMatchObject(error)
      const raised = [...told.values()].filter((one) => one.raised !== undefined && errors[one.name] === undefined)
      expect(raised).toEqual([])
      expect(told.size).toBe(62)

      const resultOf = (name: string): unknown => told.get(name)?.result
      expect(resultOf('get_email')).toMatchObject({ text_body: 'Where is my order?', subject: 'An order' })
      expect(resultOf('download_attachment')).toBe('1 box')
      expect(resultOf('send_email')).toMatchObject({ status: 'pending_scan', thread_id: expect.any(String) })
      expect(resultOf('send_email again')).toMatchObject({
        ...(resultOf('send_email whole') as object),
        status: 'already_sent',
        idempotent: true,
        rule: null,
        message: expect.any(String),
      })
      expect(resultOf('decide')).toMatchObject({ status: 'approved_and_sent' })
      expect(resultOf('list_contacts')).toMatchObject([{ email: 'ed@remote.test', name: 'ed' }])
      expect(resultOf('get_usage')).toMatchObject({ emails_sent: expect.any(Number) })
      expect(resultOf('async')).toEqual([3, true])
      for (const kit of ['langchain', 'crewai']) {
        expect(resultOf(`${kit} check_inbox`)).toContain('- [inbound] An order — from ann@remote.test')
        expect(resultOf(`${kit} read_email`)).toMatch(/To: support@ours\.test[^]*Where is my order\?[^]*Attachments: order\.txt/)
        expect(resultOf(`${kit} send_email`)).toMatch(/^Email queued — id: em_\w+, status: pending_scan, thread: thr_\w+$/)
        expect(resultOf(`${kit} list_pending`)).toContain(`- ${kit} → bo@remote.test`)
        expect(resultOf(`${kit} decide_email`)).toContain('new status: rejected')
        expect(resultOf(`${kit} get_thread`)).toContain('Where is my order?')
      }
    })
  })
})
