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

  it('says what an error was caused by, and hides secrets there as well', () => {
    const secret = 'mm_live_secret'
    const cause = Object.assign(new TypeError('no route'), {
      token: secret,
      cause: Object.assign(new Error('at last'), { password: secret }),
    })
    const err = Object.assign(new Error('not sent', { cause }), { key: secret, code: 'E_NOT' })
    const many = new AggregateError([Object.assign(new Error('one'), { secret }), 'two', { login: { pass: secret } }], 'all of them')
    const lines = logged('info', (log) => {
      log.error({ err }, 'a')
      log.error({ err: many, reason: cause }, 'b')
      log.error(err, 'c')
    })
    expect(JSON.stringify(lines)).not.toContain(secret)
    const said = {
      type: 'Error',
      message: 'not sent',
      code: 'E_NOT',
      key: '[secret]',
      cause: {
        type: 'TypeError',
        message: 'no route',
        cause: { message: 'at last', stack: expect.stringContaining('log.test') as string },
      },
    }
    expect(lines).toMatchObject([
      { err: said },
      { err: { type: 'AggregateError', message: 'all of them', errors: [{ message: 'one' }, 'two', {}] }, reason: { message: 'no route' } },
      { err: said },
    ])
  })

  it.each([
    'apiKey',
    'api_key',
    'X-API-Key',
    'approval_code',
    'approvalCode',
    'accessToken',
    'refresh_token',
    'client-secret',
    'PASSWORD',
    'dkim_private_key',
    'smtp.credentials',
  ])('knows %s for a secret', (name) => {
    expect(logged('info', (log) => log.info({ [name]: 'mm_live_secret' }, 'a'))).toMatchObject([{ [name]: '[secret]' }])
  })

  it.each(['code', 'keyId', 'key_prefix', 'emailId', 'reply', 'tokens', 'monkey'])('shows %s', (name) => {
    expect(logged('info', (log) => log.info({ [name]: 'shown' }, 'a'))).toMatchObject([{ [name]: 'shown' }])
  })

  it('says what a database refused without the row', () => {
    const refused = Object.assign(new Error('violates not-null constraint'), {
      severity: 'ERROR',
      code: '23502',
      detail: 'Failing row contains (mine)',
    })
    const [line] = logged('info', (log) => log.info({ err: refused }, 'refused'))
    expect(line).toMatchObject({ err: { code: '23502', message: 'violates not-null constraint' } })
    expect(JSON.stringify(line)).not.toContain('mine')
  })

  it('leaves out what lies too deep, or is too much, rather than show a secret there', () => {
    const secret = 'mm_live_secret'
    for (let depth = 0; depth < 40; depth += 1) {
      let nested: object = { password: secret, list: [{ deep: { token: secret } }] }
      for (let level = 0; level < depth; level += 1) nested = level % 2 === 0 ? { nested } : [nested]
      const [line] = logged('info', (log) => log.info({ nested, emailId: 'em_1' }, 'a'))
      expect(line).toMatchObject({ msg: 'a', emailId: 'em_1' })
      expect(JSON.stringify(line)).not.toContain(secret)
    }
    const [line] = logged('info', (log) => log.info({ many: Array.from({ length: 5_000 }, () => ({ a: { token: secret } })) }, 'a'))
    expect(JSON.stringify(line)).not.toContain(secret)
  })

  it('never fails, whatever it is given', () => {
    const throwing = (what: string): object => Object.defineProperty({ shown: 1 }, what, { enumerable: true, get: () => bad() })
    const bad = (): never => {
      throw new Error('no')
    }
    const circular: Record<string, unknown> = { shown: 1, password: 'mm_live_secret' }
    circular['self'] = circular
    const err = Object.assign(new Error('itself'), { token: 'mm_live_secret' })
    err.cause = err
    const values: [string, object, object][] = [
      ['a field that cannot be read', throwing('it'), { value: { shown: 1, it: '[unreadable]' } }],
      ['an error without words', Object.defineProperty(new Error('x'), 'message', { get: bad }), { value: { message: '[unreadable]' } }],
      ['what will not be JSON', { toJSON: bad }, { value: '[unreadable]' }],
      ['what becomes something else', { toJSON: () => ({ token: 'mm_live_secret', at: 1 }) }, { value: { token: '[secret]', at: 1 } }],
      ['what has itself inside', circular, { value: { shown: 1, self: '[circular]' } }],
      ['an error that is its own cause', err, { value: { message: 'itself', cause: '[circular]' } }],
      ['what nobody may look into', new Proxy({}, { ownKeys: bad, get: bad, getPrototypeOf: bad }), { value: '[unreadable]' }],
      ['a number JSON does not know', { big: 1n }, {}],
      ['nothing at all', Object.create(null) as object, {}],
    ]
    for (const [name, value, said] of values) {
      const lines = logged('info', (log) => {
        log.info({ value, emailId: 'em_1' }, name)
        log.child({ value }).info(name)
        log.info(value, name)
      })
      expect(lines.map(({ msg }) => msg)).toEqual([name, name, name])
      expect(lines[0]).toMatchObject({ emailId: 'em_1', ...said })
      expect(JSON.stringify(lines)).not.toContain('mm_live_secret')
    }
  })
})
