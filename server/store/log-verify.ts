import type { Kysely } from 'kysely'
import { type Json, canonicalJson } from '../model/canonical.ts'
import { bodyFields, chainHash, detailsHash, emptyChain, leafHash } from './log-format.ts'
import type { Database, Row } from './schema.ts'

/** What can be wrong with an entry, in the order in which it is looked for. */
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
  /** the head does not name the last entry */
  | 'HEAD_MISMATCH'

/** `seq` is that of the first bad entry. */
export type LogVerdict = { ok: true; value: { entries: number; chainHash: string } } | { ok: false; code: LogFault; seq: number }

type Entry = Row<'log_entries'>
type Place = { seq: number; chain: string }

const batch = 500

/** Recomputes every entry from the first and compares. It finds any change made in the middle; that the newest entries were cut off together with the head is
 *  seen only by whoever kept an older head elsewhere. Entries may be appended meanwhile. */
export async function verifyLog(db: Kysely<Database>): Promise<LogVerdict> {
  let last: Place = { seq: 0, chain: emptyChain }
  for (;;) {
    const entries = await db.selectFrom('log_entries').selectAll().where('seq', '>', last.seq).orderBy('seq').limit(batch).execute()
    for (const entry of entries) {
      const fault = entryFault(entry, last)
      if (fault !== null) return { ok: false, code: fault, seq: fault === 'GAP' ? last.seq + 1 : entry.seq }
      last = { seq: entry.seq, chain: entry.chain_hash }
    }
    if (entries.length > 0) continue
    const verdict = await atTheEnd(db, last)
    if (verdict !== null) return verdict
  }
}

/** Null when entries were appended since the last look. */
async function atTheEnd(db: Kysely<Database>, last: Place): Promise<LogVerdict | null> {
  // One statement, so that the head and the newest entry are of one moment.
  const head = await db
    .selectFrom('log_head')
    .select((row) => [
      'next_seq',
      'chain_hash',
      row
        .selectFrom('log_entries')
        .select((entry) => entry.fn.max('seq').as('seq'))
        .as('newest'),
    ])
    .where('id', '=', 1)
    .executeTakeFirst()
  if (head?.newest !== null && head?.newest !== undefined && head.newest > last.seq) return null
  if (head?.next_seq !== last.seq + 1 || head.chain_hash !== last.chain) return { ok: false, code: 'HEAD_MISMATCH', seq: last.seq + 1 }
  return { ok: true, value: { entries: last.seq, chainHash: last.chain } }
}

/** Pure. @param last the entry before */
function entryFault(entry: Entry, last: Place): LogFault | null {
  if (entry.seq !== last.seq + 1) return 'GAP'
  const leaf = leafHash(entry.body)
  const chainHasStored = chainHash(last.chain, entry.leaf_hash) === entry.chain_hash
  if (leaf !== entry.leaf_hash && chainHasStored) return 'BODY_CHANGED'
  if (leaf !== entry.leaf_hash && chainHash(last.chain, leaf) === entry.chain_hash) return 'LEAF_CHANGED'
  if (leaf !== entry.leaf_hash || !chainHasStored) return 'CHAIN_BROKEN'
  const body = parsedBody(entry.body)
  if (body === null) return 'BODY_CHANGED'
  if (!columnsAgree(entry, body)) return 'COLUMNS_CHANGED'
  return detailsAgree(entry, body['details_hash'] ?? null) ? null : 'DETAILS_CHANGED'
}

type Body = { readonly [name: string]: Json }

/** Null for a text that we never write, even when somebody chained it. */
function parsedBody(text: string): Body | null {
  try {
    const body = JSON.parse(text) as Json
    return typeof body === 'object' && body !== null && canonicalJson(body) === text ? (body as Body) : null
  } catch {
    return null
  }
}

function columnsAgree(entry: Entry, body: Body): boolean {
  const told = Object.fromEntries(Object.keys(bodyFields(entry)).map((name) => [name, body[name] ?? null]))
  return canonicalJson(told) === canonicalJson(bodyFields(entry))
}

function detailsAgree(entry: Entry, expected: Json): boolean {
  if (entry.details_json === null && entry.details_salt === null) return true
  if (entry.details_json === null || entry.details_salt === null) return false
  return detailsHash(Buffer.from(entry.details_salt, 'hex'), entry.details_json) === expected
}
