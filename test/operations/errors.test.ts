import { readFile } from 'node:fs/promises'
import { getHTTPStatusCodeFromError } from '@trpc/server/http'
import { TRPCError } from '@trpc/server'
import { describe, expect, it } from 'vitest'
import { ZodError } from 'zod'
import { type ErrorEntry, OperationError, errors, unwrap } from '../../server/operations/errors.ts'
import { isFault, problemOf } from '../../server/operations/problem.ts'

const entries = Object.entries(errors) as [keyof typeof errors, ErrorEntry][]

describe('the error catalogue', () => {
  it.each(entries)('%s says what was wrong and what to do', (_code, { message, fix }) => {
    expect(message).toMatch(/^[A-Z].{10,}[^.]$/)
    expect(fix).toMatch(/^[A-Z].{10,}\.$/)
  })

  it.each(entries)('%s has one status on every door', (_code, { http, trpc }) => {
    expect(getHTTPStatusCodeFromError(new TRPCError({ code: trpc }))).toBe(http)
  })

  it('is the table in docs/errors.md', async () => {
    const rows = entries.map(([code, { http, message, fix }]) => `| \`${code}\` | ${http} | ${message} | ${fix} |`)
    const document = await readFile(new URL('../../docs/errors.md', import.meta.url), 'utf8')
    expect(document.split('\n').filter((line) => line.startsWith('| `'))).toEqual(rows)
  })
})

describe('what becomes of a failure', () => {
  it('keeps the words of a bug or a broken disk inside', () => {
    for (const thrown of [
      new Error('password=hunter2'),
      'text',
      null,
      new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause: new Error('disk') }),
    ]) {
      expect(problemOf(thrown, 'req_1')).toEqual({
        status: 500,
        body: { error: errors.INTERNAL.message, code: 'INTERNAL', fix: errors.INTERNAL.fix, request_id: 'req_1' },
      })
      expect(isFault(thrown)).toBe(true)
    }
  })

  it('takes an output that is not as promised for a bug of ours', () => {
    const cause = new ZodError([{ code: 'custom', path: ['id'], message: 'wrong', input: 1 }])
    expect(problemOf(new TRPCError({ code: 'INTERNAL_SERVER_ERROR', cause }), '').body.code).toBe('INTERNAL')
  })

  it('adds what a room said about this case', () => {
    expect(() => unwrap({ ok: false, code: 'NOT_PENDING', detail: 'It was approved.' })).toThrow(
      new OperationError('NOT_PENDING', `${errors.NOT_PENDING.message}. It was approved.`),
    )
    expect(unwrap({ ok: true, value: 7 })).toBe(7)
  })
})
