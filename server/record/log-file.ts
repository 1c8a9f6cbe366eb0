/**
 * The log as a file: JSON, one thing on each line, as `multimail audit export` writes it and `multimail audit verify --file` checks it without a store. Each checkpoint
 * stands behind the last entry that it covers, so either way the file passes through once, whatever its length.
 *
 * Each line is RFC 8785 JSON and is read as no other: what is in the file is either checked or refused. Erased details are null, with their salt.
 */
import { z } from 'zod'
import { canonicalJson } from '../model/canonical.ts'
import type { Checkpoint } from '../model/checkpoint.ts'
import { type NoteKey, parseVerifierKey, verifierKeyText } from '../model/note.ts'
import type { Db } from '../store/db.ts'
import { checkpointsBetween, logEnds } from '../store/log-checkpoints.ts'
import { type LogFailure, type LogVerdict, type LogWalk, createLogWalk } from '../store/log-check.ts'
import { entriesBetween } from '../store/log-tree.ts'

const format = 'multimail-log/1'

/** Octets: an entry is a few thousand at most. */
export const longestLine = 8 * 1024 * 1024
const batch = 500

const Head = z.strictObject({ format: z.literal(format), key: z.string().nullable() })
const Size = z.int().min(1)
const Entry = z.strictObject({
  entry: z.strictObject({
    seq: Size,
    body: z.string(),
    chain_hash: z.string(),
    details: z.string().nullable(),
    leaf_hash: z.string(),
    salt: z.string().nullable(),
  }),
})
const Signed = z.strictObject({ checkpoint: z.string(), size: Size })
const End = z.strictObject({ end: z.strictObject({ chain_hash: z.string(), checkpoints: z.int().min(0), entries: z.int().min(0) }) })
const Line = z.union([Entry, Signed, End])

/** The lines of a file, without their ends. @param key with which the log is signed; null: with none */
export async function* exportLog(db: Db, key: NoteKey | null): AsyncGenerator<string> {
  const { entries: until, chain } = await logEnds(db, 0)
  yield canonicalJson({ format, key: key === null ? null : verifierKeyText(key) })
  let signed = 0
  for (let after = 0; after < until; after += batch) {
    const to = Math.min(after + batch, until)
    const [entries, checkpoints] = await Promise.all([entriesBetween(db, after, to), checkpointsBetween(db, after, to)])
    const notes = new Map(checkpoints.map(({ size, note }) => [size, note]))
    for (const { seq, body, leaf_hash, chain_hash, details_json: details, details_salt: salt } of entries) {
      yield canonicalJson({ entry: { seq, body, leaf_hash, chain_hash, details, salt } })
      const note = notes.get(seq)
      if (note !== undefined) yield canonicalJson({ checkpoint: note, size: seq })
    }
    signed += checkpoints.length
  }
  yield canonicalJson({ end: { chain_hash: chain, checkpoints: signed, entries: until } })
}

/** `key`: whose log it has to be; null: of whom it says it is. */
export type ExpectedFile = { key: NoteKey | null; kept?: readonly Checkpoint[]; mustBeSigned?: boolean }
/** `line`: where what is wrong was noticed, counted from 1. `key`: that of the file. */
export type FileVerdict = (Extract<LogVerdict, { ok: true }> & { key: NoteKey | null }) | (LogFailure & { line: number })

/** Checks an exported log. @param lines as `linesOf` gives them */
export async function verifyLogFile(lines: AsyncIterable<string | null>, expected: ExpectedFile): Promise<FileVerdict> {
  let line = 0
  let walk: LogWalk | null = null
  let key: NoteKey | null = null
  let verdict: LogVerdict | null = null
  for await (const text of lines) {
    line += 1
    if (walk === null) {
      const head = read(Head, text)
      if (head === null) return { ...unreadable(0), line }
      key = head.key === null ? null : parseVerifierKey(head.key)
      if (head.key !== null && key === null) return { ...unreadable(0), line }
      if (expected.key !== null && key !== null && verifierKeyText(key) !== verifierKeyText(expected.key))
        return { ok: false, code: 'CHECKPOINT_INVALID', seq: 0, line }
      walk = createLogWalk({ ...expected, key: expected.key ?? key })
    } else {
      const step: LogVerdict | null = verdict === null ? stepOf(walk, text) : unreadable(walk.last().seq + 1)
      if (step?.ok === false) return { ...step, line }
      verdict = step
    }
  }
  if (verdict?.ok === true) return { ...verdict, key }
  return { ok: false, code: 'CUT_OFF', seq: (walk?.last().seq ?? 0) + 1, line: line + 1 }
}

const unreadable = (seq: number): LogFailure => ({ ok: false, code: 'LINE_UNREADABLE', seq })

/** Null: so far nothing is wrong. */
function stepOf(walk: LogWalk, text: string | null): LogVerdict | null {
  const one = read(Line, text)
  if (one === null) return unreadable(walk.last().seq + 1)
  if ('checkpoint' in one) return walk.checkpoint(one.checkpoint, one.size)
  if ('entry' in one) {
    const { details, salt, ...entry } = one.entry
    return walk.entry({ ...entry, details_json: details, details_salt: salt })
  }
  const verdict = walk.end()
  const { entries, chainHash, checkpoints } = verdict.ok ? verdict.value : { entries: 0, chainHash: '', checkpoints: 0 }
  if (!verdict.ok) return verdict
  if (one.end.entries > entries) return { ok: false, code: 'CUT_OFF', seq: entries + 1 }
  const isEnd = one.end.entries === entries && one.end.chain_hash === chainHash && one.end.checkpoints === checkpoints
  return isEnd ? verdict : { ok: false, code: 'HEAD_MISMATCH', seq: entries + 1 }
}

function read<T>(shape: z.ZodType<T>, text: string | null): T | null {
  if (text === null) return null
  try {
    const value = JSON.parse(text) as Parameters<typeof canonicalJson>[0]
    // A second way to write the same would be a bit that can be changed unseen.
    return canonicalJson(value) === text ? (shape.safeParse(value).data ?? null) : null
  } catch {
    return null
  }
}

/** The lines of a file; null for what is none: too long, not UTF-8, without an end. Nothing follows that. */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<string | null, void> {
  let rest: Buffer[] = []
  let waiting = 0
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, from)) {
      const text = decoded(Buffer.concat([...rest, chunk.subarray(from, end)]))
      yield text
      if (text === null) return
      rest = []
      waiting = 0
      from = end + 1
    }
    waiting += chunk.length - from
    if (waiting > longestLine) {
      yield null
      return
    }
    if (from < chunk.length) rest.push(chunk.subarray(from))
  }
  if (waiting > 0) yield null
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decoded(octets: Buffer): string | null {
  try {
    return utf8.decode(octets)
  } catch {
    return null
  }
}
