import type { Kysely } from 'kysely'
import { canonicalJson } from '../model/canonical.ts'
import type { HashedSubtree } from '../model/merkle.ts'
import { type CheckpointRow, checkpointsBetween } from './log-checkpoints.ts'
import { type Expected, type LogFailure, type LogVerdict, type LogWalk, type Place, createLogWalk } from './log-check.ts'
import { bodyFields } from './log-format.ts'
import { keptLevel, subtreesBetween } from './log-tree.ts'
import type { Database, Row } from './schema.ts'

type Entry = Row<'log_entries'>
type Db = Kysely<Database>

const batch = 512

/** Recomputes every entry from the first, the tree over them and what was signed of it, and compares. It finds any change made in the middle; that the newest entries
 *  were cut off together with the head and the checkpoints is seen only by whoever kept a checkpoint elsewhere. Entries may be appended meanwhile. */
export async function verifyLog(db: Db, expected: Expected = { key: null }): Promise<LogVerdict> {
  const walk = createLogWalk(expected)
  const { size: mustReach = 0 } = (await newestEnds(db)).checkpoint ?? {}
  for (;;) {
    const last = walk.last()
    const entries = await db.selectFrom('log_entries').selectAll().where('seq', '>', last.seq).orderBy('seq').limit(batch).execute()
    const beside = await besideOf(db, last.seq, entries.at(-1)?.seq ?? last.seq)
    for (const entry of entries) {
      const fault = walk.entry(entry, (body) => columnsAgree(entry, body)) ?? besideFault(walk, beside, mustReach)
      if (fault !== null) return fault
    }
    if (entries.length > 0) continue
    const fault = await atTheEnd(db, last)
    if (fault === 'not-yet') continue
    return fault ?? walk.end()
  }
}

/** What stands beside these entries: subtrees and checkpoints, by the last entry in each. */
type Beside = { subtrees: Map<number, HashedSubtree[]>; checkpoints: Map<number, CheckpointRow> }

async function besideOf(db: Db, after: number, until: number): Promise<Beside> {
  const [subtrees, checkpoints] = await Promise.all([subtreesBetween(db, after, until), checkpointsBetween(db, after, until)])
  return {
    subtrees: Map.groupBy(subtrees, ({ end }) => end),
    checkpoints: new Map(checkpoints.map((row) => [row.size, row])),
  }
}

/** @param mustReach entries for which the tree has to be there */
function besideFault(walk: LogWalk, { subtrees, checkpoints }: Beside, mustReach: number): LogFailure | null {
  const { seq } = walk.last()
  const kept = walk.completed().filter(({ level }) => level >= keptLevel)
  const stored = new Map((subtrees.get(seq) ?? []).map(({ level, hash }) => [level, hash]))
  const isThere = stored.size > 0 || seq <= mustReach
  const wrong = kept.find(({ level, hash }) => isThere && stored.get(level) !== hash)
  if (wrong !== undefined) return { ok: false, code: 'TREE_CHANGED', seq, from: seq - 2 ** wrong.level + 1 }
  if (stored.size > kept.length) return { ok: false, code: 'TREE_CHANGED', seq }
  const checkpoint = checkpoints.get(seq)
  return checkpoint === undefined ? null : walk.checkpoint(checkpoint.note, checkpoint.size, checkpoint.chain_hash)
}

/** `not-yet` when entries were appended since the last look. */
async function atTheEnd(db: Db, last: Place): Promise<LogFailure | 'not-yet' | null> {
  const { head, newest, checkpoint, subtree } = await newestEnds(db)
  if (newest !== null && newest > last.seq) return 'not-yet'
  if (head?.next_seq !== last.seq + 1 || head.chain_hash !== last.chain) return { ok: false, code: 'HEAD_MISMATCH', seq: last.seq + 1 }
  if (checkpoint !== null && checkpoint.size > last.seq) return { ok: false, code: 'CUT_OFF', seq: last.seq + 1 }
  return subtree !== null && subtree > last.seq ? { ok: false, code: 'TREE_CHANGED', seq: subtree, from: last.seq + 1 } : null
}

type Ends = {
  head: { next_seq: number; chain_hash: string } | null
  newest: number | null
  checkpoint: { size: number } | null
  subtree: number | null
}

/** Where everything ends. In one statement, so that it is of one moment. */
async function newestEnds(db: Db): Promise<Ends> {
  const row = await db
    .selectNoFrom((one) => [
      one
        .selectFrom('log_entries')
        .select(({ fn }) => fn.max('seq').as('seq'))
        .as('newest'),
      one.selectFrom('log_head').select('next_seq').where('id', '=', 1).as('next_seq'),
      one.selectFrom('log_head').select('chain_hash').where('id', '=', 1).as('chain_hash'),
      one
        .selectFrom('log_checkpoints')
        .select(({ fn }) => fn.max('size').as('size'))
        .as('size'),
      one
        .selectFrom('log_subtrees')
        .select(({ fn }) => fn.max('last_seq').as('last_seq'))
        .as('subtree'),
    ])
    .executeTakeFirstOrThrow()
  const { newest, next_seq, chain_hash, size, subtree } = row
  return {
    head: next_seq === null || chain_hash === null ? null : { next_seq, chain_hash },
    newest,
    checkpoint: size === null ? null : { size },
    subtree,
  }
}

function columnsAgree(entry: Entry, body: Parameters<typeof columnsOf>[0]): boolean {
  return canonicalJson(columnsOf(body, Object.keys(bodyFields(entry)))) === canonicalJson(bodyFields(entry))
}
const columnsOf = (body: { readonly [name: string]: Parameters<typeof canonicalJson>[0] }, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [name, body[name] ?? null]))
