import { describe, expect, it } from 'vitest'
import { type Answer, SqliteError } from '../../server/store/sqlite/link.ts'
import type { Place } from '../../server/store/sqlite/protocol.ts'
import { type GroupLimits, createWriter, defaultLimits } from '../../server/store/sqlite/writer.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

/** A database thread whose answers the test gives: it writes down what it was sent. */
function createThread() {
  const sent: string[] = []
  const refusals = new Map<string, Error>()
  const held = new Map<string, PromiseWithResolvers<void>>()
  return {
    sent,
    refuse: (sql: string, error: Error) => void refusals.set(sql, error),
    accept: (sql: string) => void refusals.delete(sql),
    /** Keeps this statement from being answered until the given function is called. */
    hold(sql: string) {
      const gate = Promise.withResolvers<void>()
      held.set(sql, gate)
      return gate.resolve
    },
    post: (sql: string) => void sent.push(`posted ${sql}`),
    async run(sql: string, _parameters: readonly unknown[], _place: Place): Promise<Answer> {
      sent.push(sql)
      await held.get(sql)?.promise
      const error = refusals.get(sql)
      if (error !== undefined) throw error
      return { rows: null, changes: 0 }
    },
  }
}

function setUp(limits: Partial<GroupLimits> = {}) {
  const clock = createVirtualClock(0)
  const thread = createThread()
  const writer = createWriter(thread, clock, { ...defaultLimits, ...limits })
  const one = async (name: string): Promise<string> => {
    const turn = await writer.begin()
    try {
      await turn.run(name, [])
    } catch (error) {
      await turn.rollback()
      throw error
    }
    await turn.commit()
    return name
  }
  return { clock, thread, writer, one }
}

const bracketed = (name: string): string[] => ['savepoint one', name, 'release one']

describe('the writer', () => {
  it('puts transactions that wait at the same moment into one commit, in the order they came', async () => {
    const { thread, one } = setUp()
    expect(await Promise.all([one('a'), one('b'), one('c')])).toEqual(['a', 'b', 'c'])
    expect(thread.sent).toEqual(['begin immediate', ...bracketed('a'), ...bracketed('b'), ...bracketed('c'), 'commit'])
  })

  it('resolves none of them before the commit is done', async () => {
    const { clock, thread, one } = setUp()
    const done: string[] = []
    const release = thread.hold('commit')
    const all = ['a', 'b'].map((name) => one(name).then((it) => done.push(it)))
    await clock.advance(0)
    expect([thread.sent.at(-1), done]).toEqual(['commit', []])
    release()
    await Promise.all(all)
    expect(done).toEqual(['a', 'b'])
  })

  it('gathers the next group while a commit waits for the disk', async () => {
    const { clock, thread, one } = setUp()
    const release = thread.hold('commit')
    const first = one('a')
    await clock.advance(0)
    const later = [one('b'), one('c')]
    await clock.advance(0)
    release()
    await Promise.all([first, ...later])
    expect(thread.sent).toEqual([
      'begin immediate',
      ...bracketed('a'),
      'commit',
      'begin immediate',
      ...bracketed('b'),
      ...bracketed('c'),
      'commit',
    ])
  })

  it('ends a group that is large enough', async () => {
    const { thread, one } = setUp({ size: 2 })
    await Promise.all(['a', 'b', 'c', 'd', 'e'].map(one))
    expect(thread.sent.filter((sql) => sql === 'commit').length).toBe(3)
  })

  it('ends a group that is old enough, though others wait', async () => {
    const { clock, thread, writer, one } = setUp({ ms: 20 })
    const slow = await writer.begin()
    const waiting = one('b')
    await clock.advance(20)
    await slow.commit()
    await waiting
    expect(thread.sent).toEqual([
      'begin immediate',
      'savepoint one',
      'release one',
      'commit',
      'begin immediate',
      ...bracketed('b'),
      'commit',
    ])
  })

  it('does not wait for what is posted, and tells of its failure at the end', async () => {
    const { thread, writer } = setUp()
    const turn = await writer.begin()
    turn.post('a', [])
    turn.post('b', [])
    await turn.commit()
    expect(thread.sent).toEqual(['begin immediate', 'savepoint one', 'posted a', 'posted b', 'release one', 'commit'])
    thread.refuse('release one', new SqliteError('not unique', 'SQLITE_CONSTRAINT_UNIQUE', true))
    const second = await writer.begin()
    second.post('c', [])
    await expect(second.commit()).rejects.toThrow('not unique')
  })

  it('takes back only the savepoint of one that fails', async () => {
    const { thread, writer, one } = setUp()
    const turn = await writer.begin()
    const neighbour = one('b')
    await turn.rollback()
    await neighbour
    expect(thread.sent).toEqual(['begin immediate', 'savepoint one', 'rollback to one', 'release one', ...bracketed('b'), 'commit'])
  })

  it('fails the whole group when its commit fails, and goes on with the next', async () => {
    const { thread, one } = setUp()
    thread.refuse('commit', new SqliteError('disk full', 'SQLITE_FULL', false))
    const outcomes = await Promise.allSettled([one('a'), one('b')])
    expect(outcomes.map((it) => it.status)).toEqual(['rejected', 'rejected'])
    thread.accept('commit')
    expect(await one('c')).toBe('c')
  })

  it('fails the whole group when a statement made the database undo all of it', async () => {
    const { thread, one } = setUp()
    thread.refuse('b', new SqliteError('disk full', 'SQLITE_FULL', false))
    const full = { status: 'rejected', reason: { code: 'SQLITE_FULL' } }
    expect(await Promise.allSettled([one('a'), one('b'), one('c')])).toMatchObject([full, full, { status: 'fulfilled' }])
    expect(thread.sent.filter((sql) => sql === 'begin immediate' || sql === 'rollback' || sql === 'commit')).toEqual([
      'begin immediate',
      'rollback',
      'begin immediate',
      'commit',
    ])
  })
})

describe('a turn', () => {
  it('that is never given back is taken, so that the others do not wait for ever', async () => {
    const { clock, thread, writer, one } = setUp({ turnMs: 1000 })
    const stuck = await writer.begin()
    const next = one('b')
    await clock.advance(1000)
    expect(await next).toBe('b')
    expect(thread.sent).toContain('rollback to one')
    await expect(stuck.run('late', [])).rejects.toThrow(/still open after 1000 ms/)
    await expect(stuck.commit()).rejects.toThrow(/still open after 1000 ms/)
    await stuck.rollback()
    expect(thread.sent).not.toContain('late')
  })

  it('takes no statement after its end', async () => {
    const { thread, writer } = setUp()
    const turn = await writer.begin()
    await turn.commit()
    await expect(turn.run('late', [])).rejects.toThrow(/has been committed/)
    expect(thread.sent).not.toContain('late')
  })

  it('is refused when the database cannot begin, and the next one tries again', async () => {
    const { thread, one } = setUp()
    thread.refuse('begin immediate', new SqliteError('database is locked', 'SQLITE_BUSY', false))
    await expect(one('b')).rejects.toThrow('database is locked')
    thread.accept('begin immediate')
    expect(await one('a')).toBe('a')
  })

  it('is refused when too many wait already', async () => {
    const { writer } = setUp({ waiting: 1 })
    const turn = await writer.begin()
    const second = writer.begin()
    await expect(writer.begin()).rejects.toThrow(/too many transactions/)
    await turn.rollback()
    await (await second).rollback()
  })
})
