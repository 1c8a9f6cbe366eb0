/** What a log says of itself, looked at in its order: each entry by itself, the chain, the tree, and what was signed of it. Pure; the same for the tables
 *  of a store and for an exported file. */
import { type Json, canonicalJson } from '../model/canonical.ts'
import { type Checkpoint, openCheckpoint } from '../model/checkpoint.ts'
import { type HashedSubtree, createFrontier } from '../model/merkle.ts'
import type { NoteKey } from '../model/note.ts'
import { chainHash, detailsHash, emptyChain, leafHash } from './log-format.ts'
import type { Row } from './schema.ts'

/** What can be wrong, in the order in which it is looked for. */
export type LogFault =
  /** the entry is missing, or one stands where none should be */
  | 'GAP'
  /** the body is not the one whose leaf was chained */
  | 'BODY_CHANGED'
  /** the stored leaf hash is not the body's, while the chain still has it */
  | 'LEAF_CHANGED'
  /** the entry does not follow from the one before it */
  | 'CHAIN_BROKEN'
  /** a column says other than the body */
  | 'COLUMNS_CHANGED'
  /** the details are not those the body commits to (erased ones are no fault) */
  | 'DETAILS_CHANGED'
  /** a stored subtree is not that of its entries, or is missing: one of them was changed */
  | 'TREE_CHANGED'
  /** what stands in place of a checkpoint is none, or was not signed with this key */
  | 'CHECKPOINT_INVALID'
  /** the entries are not those that were signed: one since the checkpoint before was changed, with all that follow */
  | 'CHECKPOINT_CONTRADICTED'
  /** the head does not name the last entry */
  | 'HEAD_MISMATCH'
  /** more entries were signed than are there, or an exported log has no end */
  | 'CUT_OFF'
  /** nothing is signed, so nothing shows whose log it is and that it is whole */
  | 'NO_CHECKPOINT'
  /** nothing is signed from this entry on, and there are entries from hours later */
  | 'STALE'
  /** a line of an exported log is not one that we write */
  | 'LINE_UNREADABLE'

/** `seq`: the first bad entry. Where only a stretch can be named, it is its last, and `from` its first. */
export type LogFailure = { ok: false; code: LogFault; seq: number; from?: number }
/** `signed`: entries that the last checkpoint covers; 0: there is none. `checkpoints`: how many there were. */
export type WholeLog = { entries: number; chainHash: string; signed: number; checkpoints: number }
export type LogVerdict = { ok: true; value: WholeLog } | LogFailure

export type CheckedEntry = Pick<Row<'log_entries'>, 'seq' | 'body' | 'leaf_hash' | 'chain_hash' | 'details_json' | 'details_salt'>
export type ChainedEntry = Pick<CheckedEntry, 'seq' | 'body' | 'leaf_hash' | 'chain_hash'>
export type Place = { seq: number; chain: string }
export const beginning: Place = { seq: 0, chain: emptyChain }

type Body = { readonly [name: string]: Json }

/** Whether an entry follows from the one before. */
export function chainFault(entry: ChainedEntry, last: Place): LogFailure | null {
  if (entry.seq !== last.seq + 1) return { ok: false, code: 'GAP', seq: last.seq + 1 }
  const leaf = leafHash(entry.body)
  const chainHasStored = chainHash(last.chain, entry.leaf_hash) === entry.chain_hash
  const found = (code: LogFault): LogFailure => ({ ok: false, code, seq: entry.seq })
  if (leaf !== entry.leaf_hash && chainHasStored) return found('BODY_CHANGED')
  if (leaf !== entry.leaf_hash && chainHash(last.chain, leaf) === entry.chain_hash) return found('LEAF_CHANGED')
  return leaf !== entry.leaf_hash || !chainHasStored ? found('CHAIN_BROKEN') : null
}

/** @param agrees whether what stands beside the body says the same */
function entryFault(entry: CheckedEntry, last: Place, agrees: (body: Body) => boolean): LogFailure | null {
  const broken = chainFault(entry, last)
  if (broken !== null) return broken
  const body = parsedBody(entry.body)
  const found = (code: LogFault): LogFailure => ({ ok: false, code, seq: entry.seq })
  if (body === null) return found('BODY_CHANGED')
  if (body['seq'] !== entry.seq || !agrees(body)) return found('COLUMNS_CHANGED')
  return detailsAgree(entry, body['details_hash'] ?? null) ? null : found('DETAILS_CHANGED')
}

/** Null for a text that we never write, even when somebody chained it. */
function parsedBody(text: string): Body | null {
  try {
    const body = JSON.parse(text) as Json
    return typeof body === 'object' && body !== null && canonicalJson(body) === text ? (body as Body) : null
  } catch {
    return null
  }
}

/** Epoch ms; an entry without a time is older than any. */
function timeOf(text: string): number {
  const at = parsedBody(text)?.['at']
  const time = typeof at === 'string' ? Date.parse(at) : NaN
  return Number.isNaN(time) ? 0 : time
}

function detailsAgree(entry: CheckedEntry, expected: Json): boolean {
  if (entry.details_json === null && entry.details_salt === null) return true
  if (entry.details_json === null || entry.details_salt === null) return false
  const salt = Buffer.from(entry.details_salt, 'hex')
  // Hexadecimal digits can be written in two ways, and are in one.
  return salt.toString('hex') === entry.details_salt && detailsHash(salt, entry.details_json) === expected
}

/** `key`: whose signature a checkpoint must have; null: there is no key, so there are no checkpoints. `kept`: checkpoints from elsewhere, which the log has to
 *  agree with. `mustBeSigned`: a log of which nothing is signed is refused, and one of which nothing was signed for hours. */
export type Expected = { key: NoteKey | null; kept?: readonly Checkpoint[]; mustBeSigned?: boolean }

/** A checkpoint comes each hour; one may be missed while the server starts anew. */
const longestUnsignedMs = 3 * 3_600_000

/** Goes along a log. Each step tells what is wrong, or null. */
export type LogWalk = {
  /** The next entry. @param agrees left out: nothing stands beside the body */
  entry(entry: CheckedEntry, agrees?: (body: Body) => boolean): LogFailure | null
  /** A checkpoint, behind the last entry that it covers. @param size what it is said to cover; @param chain and the chain hash there, where that is kept */
  checkpoint(note: string, size: number, chain?: string): LogFailure | null
  /** What the last entry has made whole: 1 leaf, 2, 4, … */
  completed(): readonly HashedSubtree[]
  last(): Place
  /** Behind the last entry. */
  end(): LogVerdict
}

export function createLogWalk({ key, kept = [], mustBeSigned = false }: Expected): LogWalk {
  const tree = createFrontier()
  let last = beginning
  let completed: readonly HashedSubtree[] = []
  let [signed, checkpoints] = [0, 0]
  // Of the entries behind the last checkpoint. Times are those that the bodies name, in epoch ms.
  let oldest: { seq: number; at: number } | null = null
  let newestAt = -Infinity
  const invalid = (): LogFailure => ({ ok: false, code: 'CHECKPOINT_INVALID', seq: last.seq })

  function signs({ size, root }: Pick<Checkpoint, 'size' | 'root'>): LogFailure | null {
    if (tree.root() !== root) return { ok: false, code: 'CHECKPOINT_CONTRADICTED', seq: size, from: Math.min(signed + 1, size) }
    signed = Math.max(signed, size)
    ;[oldest, newestAt] = [null, -Infinity]
    return null
  }
  function noteTime({ seq, body }: CheckedEntry): void {
    const at = timeOf(body)
    if (oldest === null || at < oldest.at) oldest = { seq, at }
    newestAt = Math.max(newestAt, at)
  }
  const keptHere = (): LogFailure | null =>
    kept.filter(({ size }) => size === last.seq).reduce<LogFailure | null>((found, one) => found ?? signs(one), null)

  return {
    entry(entry, agrees = () => true) {
      const fault = entryFault(entry, last, agrees)
      if (fault !== null) return fault
      last = { seq: entry.seq, chain: entry.chain_hash }
      completed = tree.push(entry.leaf_hash)
      noteTime(entry)
      return keptHere()
    },
    checkpoint(note, size, chain = last.chain) {
      if (size > last.seq) return { ok: false, code: 'GAP', seq: last.seq + 1 }
      const checkpoint = key === null ? null : openCheckpoint(note, key)
      if (checkpoint?.size !== size || size !== last.seq) return invalid()
      checkpoints += 1
      return signs(checkpoint) ?? (chain === last.chain ? null : invalid())
    },
    completed: () => completed,
    last: () => last,
    end() {
      const missing = kept.find(({ size }) => size > last.seq)
      if (missing !== undefined) return { ok: false, code: 'CUT_OFF', seq: last.seq + 1 }
      if (mustBeSigned && signed === 0) return { ok: false, code: 'NO_CHECKPOINT', seq: 0 }
      if (mustBeSigned && oldest !== null && newestAt - oldest.at > longestUnsignedMs) return { ok: false, code: 'STALE', seq: oldest.seq }
      return { ok: true, value: { entries: last.seq, chainHash: last.chain, signed, checkpoints } }
    },
  }
}
