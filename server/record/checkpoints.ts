/**
 * Checkpoints of the log of record: what is in it, signed each hour and when the server stops, and sent to the operator once a day.
 *
 * Promises: nothing is signed that contradicts what was signed last: then there is an alarm, and no checkpoint until a person has looked. What is signed was looked
 * at once more, entry by entry, since the checkpoint before. Whoever appends to the log waits for none of this.
 */
import { hasCome } from '../model/has-come.ts'
import { type NoteSigner, verifierKeyText } from '../model/note.ts'
import { isConsistent } from '../model/merkle.ts'
import { type Checkpoint, openCheckpoint, signCheckpoint } from '../model/checkpoint.ts'
import { type Result, fail, ok } from '../model/result.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Job } from '../platform/periodic.ts'
import type { Place } from '../store/log-check.ts'
import { type CheckpointRow, insertCheckpoint, logEnds, newestCheckpoint } from '../store/log-checkpoints.ts'
import type { Db, Store } from '../store/db.ts'
import { TreeHole, consistencyPath, growTree, treeRoot, treeSize, treeStart } from '../store/log-tree.ts'
import { mailDue } from './mail-checkpoint.ts'

/** `NOTHING`: the log is empty. `CONTRADICTION`: it is not what was signed; `detail` says where. `STOPPED`: there was no time. */
export type Made = Result<CheckpointRow, 'NOTHING' | 'CONTRADICTION' | 'STOPPED'>

/** `NOT_SIGNED_YET`: ask again then. `RECORD_IN_DOUBT`: nothing is signed any more, and a person has to look. */
export type Uncovered = 'NOT_SIGNED_YET' | 'RECORD_IN_DOUBT'

export type Checkpoints = {
  jobs: readonly Job[]
  /** with which it signs, for whoever checks */
  key: string
  /** Signs the log as it is now; the newest checkpoint when nothing was appended since. */
  make(): Promise<Made>
  /** The newest checkpoint, if it covers this entry; else a new one, at most one a minute. */
  covering(seq: number): Promise<Result<CheckpointRow, Uncovered>>
  /** No round begins any more, until the last checkpoint. */
  interrupt(): void
  /** The last checkpoint, if it is made in two seconds. */
  close(): Promise<void>
}

export type CheckpointsDeps = {
  store: Store
  key: NoteSigner
  clock: Clock
  log: Log
  /** The log is not what was signed. */
  onContradiction(detail: string): Promise<void>
  /** It is. */
  onSigned(): Promise<void>
  /** A letter to the operator is in the store. */
  onMail(): void
}

/** All of stopping has nine seconds (platform/lifecycle.ts), and the rooms have most of them. */
const lastMs = 2_000
/** Whoever asks waits for it. */
const askedMs = 2_000
/** Between two that callers ask for: each is kept for ever. */
const pauseMs = 60_000

export function createCheckpoints(deps: CheckpointsDeps): Checkpoints {
  const { store, key, clock, log } = deps
  let isInterrupted = false
  let isClosing = false
  // One after the other: two at once would do the same work twice.
  let last: Promise<unknown> = Promise.resolve()
  const inTurn = (isStopped: () => boolean): Promise<Made> => {
    const made = last.then(() => makeCheckpoint({ store, key, clock }, isStopped)).then(tell)
    last = made.catch(() => undefined)
    return made
  }
  async function tell(made: Made): Promise<Made> {
    if (made.ok) {
      log.debug({ size: made.value.size }, 'checkpoint.signed')
      await deps.onSigned()
    } else if (made.code === 'CONTRADICTION') {
      log.error({ detail: made.detail }, 'checkpoint.contradiction')
      await deps.onContradiction(made.detail ?? '')
    }
    return made
  }
  const make = (): Promise<Made> => inTurn(() => isInterrupted)

  return {
    key: verifierKeyText(key),
    jobs: [
      {
        name: 'checkpoint',
        schedule: '7 * * * *',
        async work(now) {
          const made = await make()
          if (made.ok && (await mailDue({ store, key }, made.value, now))) deps.onMail()
        },
      },
    ],
    make,
    async covering(seq) {
      const newest = await newestCheckpoint(store.db)
      if (newest !== undefined && newest.size >= seq) return ok(newest)
      const now = clock.now()
      const pause = (newest?.created_at ?? 0) + pauseMs - now
      if (newest !== undefined && hasCome(now)(newest.created_at) && pause > 0) return notYet(pause)
      const made = await inTurn(() => isInterrupted || clock.now() > now + askedMs)
      if (made.ok) return made.value.size >= seq ? made : notYet(pauseMs)
      return made.code === 'CONTRADICTION' ? fail('RECORD_IN_DOUBT') : notYet(pauseMs)
    },
    interrupt: () => void (isInterrupted = true),
    async close() {
      isInterrupted = true
      const limit = Promise.withResolvers<void>()
      const alarm = clock.at(clock.now() + lastMs, () => {
        isClosing = true
        log.warn({ limitMs: lastMs }, 'checkpoint.no-time')
        limit.resolve()
      })
      const made = inTurn(() => isClosing).then(
        () => undefined,
        (error: unknown) => log.error({ err: error }, 'checkpoint.failed'),
      )
      await Promise.race([made, limit.promise])
      alarm.cancel()
    },
  }
}

const notYet = (retryAfterMs: number) => ({ ok: false, code: 'NOT_SIGNED_YET', retryAfterMs }) as const

type Maker = Pick<CheckpointsDeps, 'store' | 'key' | 'clock'>

/** Signs the log as it is now, or finds why it may not. @param isStopped asked between rounds of bounded length */
export async function makeCheckpoint(maker: Maker, isStopped: () => boolean = () => false): Promise<Made> {
  try {
    return await signNewest(maker, isStopped)
  } catch (error) {
    if (error instanceof TreeHole) return fail('CONTRADICTION', error.message)
    throw error
  }
}

async function signNewest({ store, key, clock }: Maker, isStopped: () => boolean): Promise<Made> {
  const newest = await newestCheckpoint(store.db)
  const { entries: size, chain, chainThere } = await logEnds(store.db, newest?.size ?? 0)
  if (newest === undefined && size === 0) return fail('NOTHING')
  const before = newest === undefined ? null : openCheckpoint(newest.note, key)
  const forgotten = newest === undefined ? null : whyForgotten(newest, before, { size, chainThere })
  if (forgotten !== null) return fail('CONTRADICTION', forgotten)
  let reached: Place = { seq: await treeStart(store.db, before?.size ?? 0), chain: chainThere ?? '' }
  while (reached.seq < size) {
    if (isStopped()) return fail('STOPPED')
    const grown = await growTree(store, reached.seq, size)
    if (grown.ok) reached = grown.value
    else if (grown.code === 'CUT_OFF' && (await isAhead(store.db))) reached = { seq: size, chain }
    else return fail('CONTRADICTION', `${grown.code} at entry ${grown.seq}`)
  }
  if (reached.chain !== chain) return fail('CONTRADICTION', `the log says that its chain ends otherwise than that of its ${size} entries`)
  if (isStopped()) return fail('STOPPED')
  const root = await treeRoot(store.db, size)
  if (before !== null && !(await beginsWith(store.db, before, { size, root })))
    return fail('CONTRADICTION', `the tree of ${size} entries does not begin with the ${before.size} that were signed`)
  if (newest?.size === size) return ok(newest)
  const note = signCheckpoint({ size, root }, key)
  return ok(await insertCheckpoint(store, { size, note, chain_hash: chain, created_at: clock.now() }))
}

/** Whether the tree is longer than we know the log to be only because another process grew it with what was appended since. It looked at what it kept. */
const isAhead = async (db: Db): Promise<boolean> => (await treeSize(db)) <= (await logEnds(db, 0)).entries

/** What the ends of the log alone show of what was signed last; null: nothing against it. @param opened what it says, if it is ours */
function whyForgotten(
  { size: signed, chain_hash }: CheckpointRow,
  opened: Checkpoint | null,
  { size, chainThere }: { size: number; chainThere: string | undefined },
): string | null {
  if (opened?.size !== signed) return `the checkpoint of ${signed} entries was not signed with the key of this log`
  if (size < signed) return `${signed} entries were signed, and there are ${size}: those from ${size + 1} on are gone`
  return chainThere === chain_hash ? null : `entry ${signed}, or one before it, is not the one that was signed`
}

const beginsWith = async (
  db: Db,
  { size: first, root: firstRoot }: Checkpoint,
  { size, root }: Omit<Checkpoint, 'origin'>,
): Promise<boolean> => isConsistent({ first, second: size, firstRoot, secondRoot: root, path: await consistencyPath(db, first, size) })
