import type { Clock } from '../../platform/clock.ts'
import { type Answer, type Link, SqliteError } from './link.ts'

/** Transactions that wait at the same moment share one COMMIT, and so one fsync: each runs in a savepoint of one outer transaction, one after
 *  the other, and is told that it is durable when the outer one is. One that fails takes back its own savepoint only. */
export type Writer = {
  /** Resolves when it is this transaction's turn. Throws when too many wait. */
  begin(): Promise<Turn>
}

export type Turn = {
  run(sql: string, parameters: readonly unknown[]): Promise<Answer>
  /** Runs it without telling: when it fails, nothing more of the transaction runs, and `commit` throws its error. */
  post(sql: string, parameters: readonly unknown[]): void
  /** Resolves when the commit is on disk. */
  commit(): Promise<void>
  rollback(): Promise<void>
}

/** `size` transactions or `ms` milliseconds, whichever comes first, end a group even when more are waiting. */
export type GroupLimits = { size: number; ms: number; waiting: number; turnMs: number }
// A group of 100 costs each member about one more fsync of waiting and saves 99; a turn this long is a body that awaits something other than its statements.
export const defaultLimits: GroupLimits = { size: 100, ms: 20, waiting: 10_000, turnMs: 10_000 }

type Group = { size: number; startedAt: number; members: Member[]; lost: Error | null }
type Member = { resolve: () => void; reject: (error: Error) => void }

export type WriterLink = Pick<Link, 'run' | 'post'>

export function createWriter(link: WriterLink, clock: Clock, limits: GroupLimits = defaultLimits): Writer {
  const waiting: (() => void)[] = []
  let taken = false
  let group: Group | null = null
  let turns = 0

  const takeTurn = async (): Promise<void> => {
    if (waiting.length >= limits.waiting) throw new Error('too many transactions are waiting for the disk')
    if (taken) await new Promise<void>((resolve) => waiting.push(resolve))
    taken = true
  }
  const giveTurn = (): void => {
    const next = waiting.shift()
    if (group !== null && (next === undefined || group.lost !== null || isFull(group))) endGroup(group)
    if (next === undefined) taken = false
    else next()
  }
  const isFull = (one: Group): boolean => one.size >= limits.size || clock.now() - one.startedAt >= limits.ms
  /** What follows queues up behind `begin` in the thread; when that fails, none of it runs. */
  const openGroup = (): Group => {
    if (group !== null) return group
    const opened: Group = { size: 0, startedAt: clock.now(), members: [], lost: null }
    link.run('begin immediate', [], 'alone').catch((error: unknown) => (opened.lost ??= asError(error)))
    group = opened
    return opened
  }
  /** Nobody waits for this but its members: the next group's `begin` queues up behind it in the thread while more gather here. */
  const endGroup = (one: Group): void => {
    group = null
    void link.run(one.lost === null ? 'commit' : 'rollback', [], 'commit').then(
      () => settle(one, one.lost),
      (error: unknown) => settle(one, one.lost ?? asError(error)),
    )
  }
  return {
    async begin() {
      await takeTurn()
      const joined = openGroup()
      joined.size++
      return createTurn(joined, link, clock, { turn: ++turns, turnMs: limits.turnMs, giveTurn })
    },
  }
}

function settle(group: Group, failure: Error | null): void {
  for (const member of group.members) {
    if (failure === null) member.resolve()
    else member.reject(failure)
  }
}

type TurnOptions = { turn: number; turnMs: number; giveTurn: () => void }

/** One transaction of a group, between getting the turn and giving it on. */
function createTurn(group: Group, link: WriterLink, clock: Clock, { turn, turnMs, giveTurn }: TurnOptions): Turn {
  let over: Error | null = null
  let posted = false
  const send = async (sql: string, parameters: readonly unknown[], place: 'group' | 'undo' | 'release'): Promise<Answer> => {
    try {
      return await link.run(sql, parameters, place, turn)
    } catch (error) {
      // A full disk or a read error makes SQLite undo the whole transaction, the others' part with it.
      if (!(error instanceof SqliteError) || !error.inTransaction) group.lost ??= asError(error)
      throw group.lost ?? error
    }
  }
  /** The bounds of the savepoint: when one cannot be set or taken back, nobody knows what the group contains. */
  const bound = async (sql: string, place: 'group' | 'undo' | 'release'): Promise<void> => {
    await send(sql, [], place).catch((error: unknown) => (group.lost ??= asError(error)))
  }
  const release = async (): Promise<void> => {
    // With something posted it may be refused, and then takes back what there was.
    if (posted) await send('release one', [], 'release')
    else void bound('release one', 'release')
  }
  const finish = (reason: string): void => {
    if (over !== null) throw over
    over = new Error(reason)
    alarm.cancel()
  }
  const takeBack = async (): Promise<void> => {
    await Promise.all([bound('rollback to one', 'undo'), bound('release one', 'undo')])
    giveTurn()
  }
  const alarm = clock.at(clock.now() + turnMs, () => {
    finish(`a transaction was taken back: it was still open after ${turnMs} ms`)
    void takeBack()
  })
  void bound('savepoint one', 'undo')
  return {
    run: (sql, parameters) => (over === null ? send(sql, parameters, 'group') : Promise.reject(over)),
    post(sql, parameters) {
      if (over !== null) throw over
      posted = true
      link.post(sql, parameters, turn)
    },
    async commit() {
      finish('the transaction has been committed')
      const released = release()
      const durable = new Promise<void>((resolve, reject) => group.members.push({ resolve, reject }))
      giveTurn()
      await Promise.all([released, durable])
    },
    async rollback() {
      if (over !== null) return
      finish('the transaction has been rolled back')
      await takeBack()
    },
  }
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)))
