import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { type Checkpoint, findCheckpoint, openCheckpoint } from '../model/checkpoint.ts'
import { type NoteKey, parseVerifierKey, verifierKeyText } from '../model/note.ts'
import { linesOf, verifyLogFile } from '../record/log-file.ts'
import { findLogKey } from '../record/log-key.ts'
import type { LogFault, LogVerdict } from '../store/log-check.ts'
import { verifyLog } from '../store/log.ts'
import { type Call, type Command, Stop, jsonOption } from './command.ts'
import { withStore } from './host.ts'
import { textsOf } from './saved-letter.ts'
import { visibleJson } from './visible.ts'

/** A letter with its words. */
const longestCheckpoint = 256 * 1024

export const auditVerify: Command = {
  help: 'Recomputes the whole log, the tree over it and every checkpoint that was signed, and compares; ends with 1 when an entry was changed, removed, put in or cut off, and names the first bad place. Give the key that you were mailed (--key) and the newest checkpoint (--checkpoint): whoever holds the whole server can make a new log, but none that agrees with those.',
  options: {
    file: { value: 'FILE', help: 'an exported log (`multimail audit export`), and not the store; needs no server' },
    checkpoint: {
      value: 'FILE',
      help: 'a checkpoint that you kept, such as a letter saved as a file; may be given several times',
      many: true,
    },
    key: { value: 'KEY', help: 'the key of the log (`multimail audit key`): a log of which it has signed nothing is refused' },
    ...jsonOption,
  },
  async run(call) {
    const given = keyOf(call)
    const file = call.text('file')
    const { key, verdict } = await (file === undefined ? verifyStore(call, given) : verifyFile(call, file, given))
    const all = { ...verdict, key: key === null ? null : verifierKeyText(key) }
    call.io.out(call.flag('json') ? `${visibleJson(all)}\n` : wordsOf(verdict, key, given !== null))
    return verdict.ok ? 0 : 1
  },
}

type Verified = { key: NoteKey | null; verdict: LogVerdict }

const verifyStore = (call: Call, given: NoteKey | null): Promise<Verified> =>
  withStore(call, async ({ db }) => {
    const key = given ?? (await findLogKey(db))
    return { key, verdict: await verifyLog(db, { key, kept: await keptOf(call, key), mustBeSigned: given !== null }) }
  })

async function verifyFile(call: Call, file: string, given: NoteKey | null): Promise<Verified> {
  if (given === null && call.texts('checkpoint').length > 0)
    throw new Stop('A checkpoint is checked with the key that you were mailed with it: give --key as well.', 2)
  const expected = { key: given, kept: await keptOf(call, given), mustBeSigned: given !== null }
  const chunks: AsyncIterable<Buffer> = createReadStream(file)
  try {
    const verdict = await verifyLogFile(linesOf(chunks), expected)
    return { key: given ?? (verdict.ok ? verdict.key : null), verdict }
  } catch (error) {
    throw new Stop(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`, 2)
  }
}

function keyOf(call: Call): NoteKey | null {
  const text = call.text('key')
  if (text === undefined) return null
  const key = parseVerifierKey(text)
  if (key === null) throw new Stop('This is no key: copy the whole line, NAME+ID+KEY, as it was mailed to you.', 2)
  return key
}

async function keptOf(call: Call, key: NoteKey | null): Promise<Checkpoint[]> {
  const kept: Checkpoint[] = []
  for (const file of call.texts('checkpoint')) {
    const text = await readFile(file, 'utf8').catch(() => '')
    const note = text.length > longestCheckpoint ? null : checkpointIn(text)
    if (note === null) throw new Stop(`There is no checkpoint in ${file}.`, 2)
    const checkpoint = key === null ? null : openCheckpoint(note, key)
    if (checkpoint === null) throw new Stop(`The checkpoint in ${file} was not signed with the key of this log.`)
    kept.push(checkpoint)
  }
  return kept
}

function checkpointIn(saved: string): string | null {
  for (const text of textsOf(saved)) {
    const note = findCheckpoint(text)
    if (note !== null) return note
  }
  return null
}

function wordsOf(verdict: LogVerdict, key: NoteKey | null, isGiven: boolean): string {
  if (!verdict.ok) {
    const place = verdict.from === undefined || verdict.from === verdict.seq ? '' : `, between entry ${verdict.from} and that one`
    return `The log is not whole: ${verdict.code} at entry ${verdict.seq}${place}. ${meanings[verdict.code]}\n`
  }
  const { entries, chainHash, signed } = verdict.value
  const lines = [`The log is whole: ${entries} entries, chain hash ${chainHash}.`]
  if (key === null || signed === 0) lines.push('Nothing of it is signed yet.')
  else {
    lines.push(`Signed up to entry ${signed} with ${verifierKeyText(key)}.`)
    if (entries > signed) lines.push(`Not signed yet: entries ${signed + 1} to ${entries}.`)
    if (!isGiven)
      lines.push('That is the key which the log itself names: only with the one that you were mailed (--key) does it prove anything.')
  }
  return `${lines.join('\n')}\n`
}

const meanings: Record<LogFault, string> = {
  GAP: 'An entry is missing there, or one too many is.',
  BODY_CHANGED: 'What it says was changed.',
  LEAF_CHANGED: 'Its hash was changed.',
  CHAIN_BROKEN: 'It does not follow from the one before.',
  COLUMNS_CHANGED: 'A column says other than the entry.',
  DETAILS_CHANGED: 'Its details were changed.',
  TREE_CHANGED: 'The tree that is kept over the log is not that of its entries: one of them was changed.',
  CHECKPOINT_INVALID: 'A checkpoint there is none, or not of this log and signed with this key.',
  CHECKPOINT_CONTRADICTED: 'The entries are not those that were signed.',
  HEAD_MISMATCH: 'The log ends otherwise than it says.',
  CUT_OFF: 'More entries were signed or announced than are there.',
  NO_CHECKPOINT: 'Nothing of it was signed with this key.',
  STALE:
    'From there on nothing is signed, though there are entries from hours later: the server signs each hour. Whoever holds it may have changed those. If it did not run meanwhile, let it sign: multimail audit checkpoint.',
  LINE_UNREADABLE: 'A line of the file is not one that an export has.',
}
