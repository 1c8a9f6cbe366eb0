/** A store with as many emails as wanted, as a year or two would leave it. Written behind the server's back, which is not running. */
import { join } from 'node:path'
import Database from 'better-sqlite3'
import { createSearchIndex } from '../../../server/mailbox/search-index.ts'
import { type AccountId, type MailboxId, type ThreadId, newId } from '../../../server/model/ids.ts'
import { systemClock } from '../../../server/platform/clock.ts'
import { silentLog } from '../../../server/platform/log.ts'
import { openStore } from '../../../server/store/db.ts'
import { type EmailRow, notArrived, untouched } from '../../../server/store/emails.ts'

const mailboxCount = 8
const perThread = 5
const perTransaction = 20_000
const betweenMs = 60_000
const wordsOfText = 150
const vocabulary = 30_000

export type Filled = { mailboxes: MailboxId[]; emails: string[]; threads: string[] }

/** Fills up to `count`. @param known what an earlier call gave; left out: the store is new. @param sample how many ids of each kind to give back */
export function fill(dataDir: string, from: number, count: number, known: MailboxId[], sample: number): Filled {
  const db = new Database(join(dataDir, 'multimail.db'))
  try {
    db.pragma('synchronous = OFF')
    const own = db.prepare("select * from mailboxes where world = 'live' limit 1").get() as Record<string, unknown> & {
      account_id: AccountId
      address: string
    }
    const mailboxes = known.length > 0 ? known : addMailboxes(db, own)
    const emails: string[] = []
    const threads: string[] = []
    const { next } = db.prepare('select next_seq as next from log_head').get() as { next: number }
    const start = Date.now() - (1_000_000 - from) * betweenMs
    const insertThread = db.prepare('insert into threads values (?, ?, ?, ?, ?, ?, ?)')
    const insertPlace = db.prepare(
      'insert into email_places (email_id, account_id, world, mailbox_id, place, visible_at, status) values (?, ?, ?, ?, ?, ?, ?)',
    )
    let insertEmail: Database.Statement | null = null
    let open: { id: ThreadId; subject: string; left: number; mailbox: MailboxId }[] = []
    for (let done = from; done < count; done += perTransaction) {
      db.exec('begin')
      for (let n = done; n < Math.min(done + perTransaction, count); n++) {
        const at = start + (n - from) * betweenMs
        const slot = n % 40
        const before = open[slot]
        const thread =
          before !== undefined && before.left > 0
            ? before
            : { id: newId('thread', at), subject: text(5), left: perThread, mailbox: mailboxes[n % mailboxes.length] as MailboxId }
        open[slot] = thread
        if (thread.left === perThread) insertThread.run(thread.id, own.account_id, 'live', thread.mailbox, thread.subject, at, at)
        const email = emailRow(own.account_id, thread, at, n)
        thread.left -= 1
        insertEmail ??= db.prepare(
          `insert into emails (${Object.keys(email).join()}) values (${Object.keys(email)
            .map((name) => `@${name}`)
            .join()})`,
        )
        insertEmail.run(email)
        insertPlace.run(email.id, own.account_id, 'live', thread.mailbox, next + n - from, at, email.status)
        if (Math.random() < sample / (count - from)) {
          emails.push(email.id)
          threads.push(thread.id)
        }
      }
      open = open.slice(0, 40)
      db.exec('commit')
    }
    db.prepare('update log_head set next_seq = ?').run(next + count - from)
    db.pragma('wal_checkpoint(truncate)')
    return { mailboxes, emails, threads }
  } finally {
    db.close()
  }
}

/** And lets the key of the set-up reach them. */
function addMailboxes(db: Database.Database, own: Record<string, unknown>): MailboxId[] {
  db.exec('update api_keys set mailbox_ids_json = null')
  const names = Object.keys(own)
  const insert = db.prepare(`insert into mailboxes (${names.join()}) values (${names.map((name) => `@${name}`).join()})`)
  return Array.from({ length: mailboxCount }, (_, n) => {
    const id = newId('mailbox', Date.now())
    insert.run({ ...own, id, address: `bench${n}@${String(own['address']).split('@')[1]}` })
    return id
  })
}

function emailRow(
  account: AccountId,
  thread: { id: ThreadId; subject: string; left: number; mailbox: MailboxId },
  at: number,
  n: number,
): EmailRow {
  const isAnswer = thread.left % 2 === 0
  const markdown = text(wordsOfText)
  const id = newId('email', at)
  return {
    ...notArrived,
    ...untouched,
    id,
    account_id: account,
    world: 'live',
    mailbox_id: thread.mailbox,
    thread_id: thread.id,
    direction: isAnswer ? 'outbound' : 'inbound',
    status: isAnswer ? 'sent' : n % 7 === 0 ? 'unread' : 'read',
    message_id: `<${id}@bench.test>`,
    in_reply_to: null,
    references_json: '[]',
    subject: thread.left === perThread ? thread.subject : `Re: ${thread.subject}`,
    from_address: `${word()}@${word()}.test`,
    from_name: `${word()} ${word()}`,
    reply_to_json: '[]',
    to_json: JSON.stringify([{ address: `${word()}@${word()}.test` }]),
    cc_json: '[]',
    bcc_json: '[]',
    reverse_path: '',
    forward_paths_json: '[]',
    sent_at: at,
    received_at: at,
    markdown,
    extracted: markdown,
    has_attachments: 0,
    raw_hash: null,
    raw_size: 0,
    content_hash: null,
    flags_json: '[]',
    composer_id: null,
    idempotency_key: null,
    created_at: at,
    updated_at: at,
  }
}

/** The `rank`-th word, and as common as that: half of a text is made of its few hundred most common words (Zipf). */
export const wordAt = (rank: number): string => {
  let rest = rank
  let made = ''
  do {
    made += (consonants[rest % consonants.length] ?? '') + (vowels[Math.floor(rest / consonants.length) % vowels.length] ?? '')
    rest = Math.floor(rest / (consonants.length * vowels.length))
  } while (rest > 0)
  return made
}
const consonants = 'bcdfghjklmnprstvz'.split('')
const vowels = 'aeiou'.split('')
const word = (): string => wordAt(Math.floor(vocabulary ** Math.random()) - 1)
const text = (words: number): string => Array.from({ length: words }, word).join(' ')

/** Indexes all that waits. */
export async function index(dataDir: string): Promise<void> {
  const store = await openStore({ databaseUrl: null, dataDir, log: silentLog, clock: systemClock })
  const searchIndex = createSearchIndex({ store, clock: systemClock, log: silentLog })
  while (!(await searchIndex.catchUp()));
  await store.close()
}
