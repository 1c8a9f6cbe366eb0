import { describe, expect, it } from 'vitest'
import { createLog } from '../../server/platform/log.ts'

const logged = (
  level: Parameters<typeof createLog>[0]['level'],
  write: (log: ReturnType<typeof createLog>) => void,
): Record<string, unknown>[] => {
  const lines: string[] = []
  write(createLog({ level, destination: { write: (line) => void lines.push(line) } }))
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('the log', () => {
  it('is events with ids, as JSON lines', () => {
    expect(logged('info', (log) => log.child({ part: 'inbound' }).info({ emailId: 'em_1' }, 'inbound.stored'))).toMatchObject([
      { level: 'info', msg: 'inbound.stored', part: 'inbound', emailId: 'em_1', time: expect.stringMatching(/^\d{4}-.*Z$/) as string },
    ])
  })

  it('says only what its level lets through', () => {
    const said = (level: 'debug' | 'warn' | 'silent') =>
      logged(level, (log) => {
        log.debug('a')
        log.warn('b')
      }).map((line) => line['msg'])
    expect([said('debug'), said('warn'), said('silent')]).toEqual([['a', 'b'], ['b'], []])
  })

  it('hides secrets, however somebody came to log them', () => {
    const secret = 'mm_live_secret'
    const lines = logged('info', (log) => {
      log.info({ key: secret, password: secret, databaseUrl: secret }, 'a')
      log.info({ headers: { authorization: secret, cookie: secret, 'x-api-key': secret, 'set-cookie': secret } }, 'b')
      log.info({ request: { headers: { authorization: secret }, body: { token: secret, private_key: secret } } }, 'c')
      log.child({ token: secret }).info('d')
      log.info({ Authorization: secret, list: [{ Cookie: secret }] }, 'e')
      log.error({ err: Object.assign(new Error('no way in'), { login: { pass: secret } }) }, 'f')
    })
    expect(lines).toHaveLength(6)
    expect(JSON.stringify(lines)).not.toContain(secret)
    expect(lines[1]).toMatchObject({ headers: { authorization: '[secret]', cookie: '[secret]' } })
    expect(lines[4]).toMatchObject({ Authorization: '[secret]', list: [{ Cookie: '[secret]' }] })
    expect(lines[5]).toMatchObject({ err: { message: 'no way in', stack: expect.stringContaining('log.test') as string } })
  })

  it('leaves what it is given as it is', () => {
    const fields = { request: { headers: { authorization: 'mm_live_secret' } } }
    logged('info', (log) => log.info(fields, 'a'))
    expect(fields).toEqual({ request: { headers: { authorization: 'mm_live_secret' } } })
  })

  it('says the kind, the words and the place of an error, and what it carries', () => {
    const [line] = logged('info', (log) => log.error({ err: Object.assign(new RangeError('too much'), { code: 'E_MUCH' }) }, 'a'))
    expect(line).toMatchObject({
      err: { type: 'RangeError', message: 'too much', code: 'E_MUCH', stack: expect.stringContaining('log.test') as string },
    })
  })
})
