/** A receipt in which somebody changed anything that the log commits to. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../server/model/canonical.ts'
import { newSignerKey, parseSignerKey } from '../../server/model/note.ts'
import type { Receipt } from '../../server/model/receipt.ts'
import { summaryOf, verifyReceipt } from '../../server/record/receipt.ts'
import { openDesk } from '../support/desk.ts'
import { logKey } from '../support/recorded.ts'
import { settle } from '../support/settled.ts'
import { describeOnOneEngine } from '../support/stores.ts'
import { wildText } from '../support/arbitraries.ts'

type Path = readonly (string | number)[]
/** Every leaf of a JSON value, by its path. */
const leaves = (value: Json, path: Path = []): Path[] =>
  typeof value === 'object' && value !== null
    ? Object.entries(value as Record<string, Json>).flatMap(([name, one]) =>
        leaves(one, [...path, Array.isArray(value) ? Number(name) : name]),
      )
    : [path]
const changedAt = (value: Json, [name, ...rest]: Path, change: (one: Json) => Json): Json => {
  if (name === undefined) return change(value)
  const copy = (Array.isArray(value) ? [...(value as Json[])] : { ...(value as Record<string, Json>) }) as Record<string | number, Json>
  copy[name] = changedAt(copy[name] as Json, rest, change)
  return copy
}

describeOnOneEngine('a receipt that somebody changed', (openStore) => {
  /** One of what a policy let go, one of what a person approved. */
  async function make(): Promise<readonly [Receipt, Receipt]> {
    const desk = await openDesk(openStore)
    const { keys, free, gated } = desk.ours
    const letter = { to: ['bo@remote.test', 'cy@remote.test'], subject: 'Hi', markdown: 'Hello' }
    const send = async (mailbox: string): Promise<string> => {
      const { body } = await desk.call(keys.agent, 'POST', '/send_email', { ...letter, mailbox_id: mailbox })
      const id = String(body['id'])
      if (mailbox === gated.id) await desk.call(keys.reviewer, 'POST', '/decide_email', { email_id: id, action: 'approve' })
      await settle(desk, id, { code: 250, status: '2.0.0', text: 'Ok' })
      return id
    }
    const ids = [await send(free.id), await send(gated.id)] as const
    const get = async (id: string) => (await desk.call(keys.agent, 'GET', `/get_receipt?email_id=${id}`)).body as unknown as Receipt
    return [await get(ids[0]), await get(ids[1])]
  }
  // A desk is closed with the test that opened it; its receipts stay good.
  let made: Promise<readonly [Receipt, Receipt]> | null = null
  const both = () => (made ??= make())
  const refused = (receipt: unknown): string | null => {
    const checked = verifyReceipt(typeof receipt === 'string' ? receipt : JSON.stringify(receipt), logKey)
    return checked.ok ? null : checked.code
  }

  it('holds as it is, however it is written down', async () => {
    for (const receipt of await both()) {
      expect(refused(receipt)).toBeNull()
      expect(refused(JSON.stringify(receipt, null, '\t'))).toBeNull()
      expect(refused(JSON.stringify(Object.fromEntries(Object.entries(receipt).toReversed())))).toBeNull()
    }
  })

  it('is refused whichever of its fields was changed, taken out or put in', { timeout: 60_000 }, async () => {
    for (const receipt of await both()) {
      const value = receipt as unknown as Json
      for (const path of leaves(value)) {
        const changes: ((one: Json) => Json)[] = [
          (one) => (typeof one === 'string' ? `${one}0` : typeof one === 'number' ? one + 1 : typeof one === 'boolean' ? !one : 'x'),
          (one) => (typeof one === 'string' && one.length > 1 ? (one.startsWith('0') ? '1' : '0') + one.slice(1) : 7),
          (one) => (one === null ? 0 : null),
        ]
        for (const [at, change] of changes.entries()) {
          const after = changedAt(value, path, change)
          // Details that are taken out with their salt are details that are not shown; then the fields above must not show them either.
          expect(refused(after), `${path.join('.')} ${at}`).not.toBeNull()
        }
        const parent = path.slice(0, -1)
        const name = path.at(-1) ?? ''
        const without = (one: Json): Json =>
          Array.isArray(one)
            ? one.filter((_item, at) => at !== name)
            : Object.fromEntries(Object.entries(one as Record<string, Json>).filter(([key]) => key !== name))
        expect(refused(changedAt(value, parent, without)), `${path.join('.')} out`).not.toBeNull()
        const more = (one: Json): Json => (Array.isArray(one) ? [...one, one[0] ?? 'x'] : { ...(one as Record<string, Json>), extra: 1 })
        expect(refused(changedAt(value, parent, more)), `${path.join('.')} in`).not.toBeNull()
      }
    }
  })

  it('is refused with entries that are missing where they matter, doubled, moved, or of another mail', async () => {
    const [policy, approved] = await both()
    for (const receipt of [policy, approved]) {
      for (const at of receipt.entries.keys()) {
        expect(refused({ ...receipt, entries: receipt.entries.toSpliced(at, 1) }), `entry ${at} out`).not.toBeNull()
        const entry = receipt.entries[at] as Receipt['entries'][number]
        expect(refused({ ...receipt, entries: receipt.entries.toSpliced(at, 0, entry) }), `entry ${at} twice`).toBe('NOT_IN_LOG')
      }
      expect(refused({ ...receipt, entries: receipt.entries.toReversed() })).toBe('NOT_IN_LOG')
    }
    // The approval of one mail is none of another, and its deliveries are not either.
    const mixed = [...policy.entries, ...approved.entries].toSorted((one, other) => one.seq - other.seq)
    expect(summaryOf(policy.email_id, mixed)).toBeNull()
    expect(refused({ ...policy, entries: mixed })).toBe('NOT_SAID')
    expect(refused({ ...approved, entries: approved.entries.filter(({ body }) => !body.includes('email.approved')), approval: null })).toBe(
      'NOT_SAID',
    )
    expect(refused({ ...policy, email_id: approved.email_id })).toBe('NOT_SAID')
    expect(refused({ ...policy, checkpoint: approved.checkpoint })).toBeNull()
  })

  it('may leave out what became of a recipient, with the entry, for it does not say that it names all', async () => {
    const [policy] = await both()
    const last = policy.entries.length - 1
    expect(refused({ ...policy, entries: policy.entries.slice(0, last), deliveries: policy.deliveries.slice(0, -1) })).toBeNull()
  })

  it('is refused with another key', async () => {
    const other = parseSignerKey(newSignerKey(logKey.name, Buffer.alloc(32, 9)))
    for (const receipt of await both())
      expect(verifyReceipt(JSON.stringify(receipt), other)).toMatchObject({ ok: false, code: 'OTHER_KEY' })
  })

  it('is refused with a field twice, of which a program reads one and a person the other', async () => {
    const [policy] = await both()
    const text = JSON.stringify(policy)
    const hash = `"content_hash":"${policy.content_hash}"`
    expect(refused(text.replace(hash, `"content_hash":"${'0'.repeat(64)}",${hash}`))).toBe('NO_RECEIPT')
    expect(refused(text.replace('"recipient":', '"recipient":"eve@evil.test","recipient":'))).toBe('NO_RECEIPT')
    expect(refused(text.replace('{"format"', '{"__proto__":{},"format"'))).toBe('NO_RECEIPT')
  })
})

describe('what is no receipt', () => {
  it('is refused, whatever it is, in little time', () => {
    const bad = [
      '',
      'null',
      '[]',
      '{}',
      '1',
      '"x"',
      '{"format":"multimail-receipt/1"}',
      '['.repeat(200_000),
      '{"a":'.repeat(200_000),
      `"${'x'.repeat(9_000_000)}"`,
    ]
    for (const text of bad) expect(verifyReceipt(text, logKey)).toMatchObject({ ok: false, code: 'NO_RECEIPT' })
    fc.assert(fc.property(fc.oneof(wildText, fc.json()), (text) => !verifyReceipt(text, logKey).ok))
  })
})
