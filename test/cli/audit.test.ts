import { readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import type { DomainName } from '../../dns/name.ts'
import { runCli } from '../../server/cli/run.ts'
import type { Address } from '../../server/model/address.ts'
import { composeOperatorLetter } from '../../server/outbound/operator-mail/operator-letter.ts'
import { findLogKey } from '../../server/record/log-key.ts'
import { mailDue } from '../../server/record/mail-checkpoint.ts'
import { setOversightEmail } from '../../server/store/accounts.ts'
import { newestCheckpoint } from '../../server/store/log-checkpoints.ts'
import { openCliHost } from '../support/cli-host.ts'
import { createScratch } from '../support/scratch.ts'
import { appendSome } from '../support/recorded.ts'

/** A machine without a server: asking for its settings would be a mistake. */
async function elsewhere(...argv: string[]) {
  let text = ''
  const write = (more: string) => void (text += more)
  const load = () => {
    throw new Error('no settings')
  }
  const code = await runCli(argv, { out: write, err: write, load })
  return { code, text }
}

async function machine() {
  const host = await openCliHost()
  const scratch = await createScratch('audit')
  const file = (name: string) => join(scratch.path, name)
  await appendSome(host.store, 20)
  const key = (await host.said('audit', 'key')).trim()
  return { ...host, key, file, [Symbol.asyncDispose]: () => scratch.remove() }
}

it('multimail audit: key, checkpoint and export are checked on the server and on another machine', async () => {
  await using host = await machine()
  expect(host.key).toMatch(/^mx\.example\.net\/log\/[0-9a-f]{8}\+[0-9a-f]{8}\+\S+$/)
  expect(await host.said('audit', 'verify')).toMatch(
    /^The log is whole: 25 entries, chain hash [0-9a-f]{64}\.\nNothing of it is signed yet\.\n$/,
  )
  expect(await host.run('audit', 'verify', '--key', host.key)).toMatchObject({ code: 1, out: expect.stringContaining('NO_CHECKPOINT') })
  const note = await host.said('audit', 'checkpoint')
  expect(note).toMatch(/^mx\.example\.net\/log\/\S+\n25\n\S{44}\n\n— mx\.example\.net/)
  await appendSome(host.store, 3)
  const letter = host.file('letter.txt')
  await writeFile(letter, `Dear operator,\r\n\r\n${note.replaceAll('\n', '\r\n')}\r\nKeep it.\r\n`)
  expect(await host.said('audit', 'verify', '--key', host.key, '--checkpoint', letter)).toMatch(
    /whole: 28 entries.*\nSigned up to entry 25 with mx\.example\.net\S+\.\nNot signed yet: entries 26 to 28\.\n$/,
  )
  expect(await host.said('audit', 'verify')).toContain('only with the one that you were mailed')
  expect(await host.said('audit', 'export', host.file('log'))).toBe('Written: 31 lines.\n')
  expect((await stat(host.file('log'))).mode & 0o777).toBe(0o600)
  expect(await host.said('audit', 'export', '-')).toBe(await readFile(host.file('log'), 'utf8'))
  const verify = ['audit', 'verify', '--file', host.file('log')]
  expect(await elsewhere(...verify, '--key', host.key, '--checkpoint', letter)).toMatchObject({
    code: 0,
    text: expect.stringMatching(/whole: 28/),
  })
  expect(await elsewhere(...verify)).toMatchObject({ code: 0, text: expect.stringContaining('only with the one that you were mailed') })
  const json = await elsewhere(...verify, '--key', host.key, '--json')
  expect(JSON.parse(json.text)).toMatchObject({ ok: true, value: { entries: 28, signed: 25, checkpoints: 1 }, key: host.key })
})

it('multimail audit verify finds the checkpoint in the letter that the operator gets, as it was sent', async () => {
  await using host = await machine()
  await host.said('audit', 'checkpoint')
  const [key, checkpoint] = [await findLogKey(host.store.db), await newestCheckpoint(host.store.db)]
  if (key === null || checkpoint === undefined) throw new Error('nothing is signed')
  await host.store.transaction((tx) => setOversightEmail(tx, host.accountId, 'op@elsewhere.test'))
  expect(await mailDue({ store: host.store, key }, checkpoint, checkpoint.created_at)).toBe(true)
  const { id, subject, body } = await host.store.db.selectFrom('operator_mails').selectAll().executeTakeFirstOrThrow()
  const sent = composeOperatorLetter({
    id,
    domain: 'example.com' as DomainName,
    to: 'op@elsewhere.test' as Address,
    subject,
    body,
    now: checkpoint.created_at,
  })
  expect(sent.toString()).toContain('Content-Transfer-Encoding: base64')
  const verify = async (saved: string | Buffer) => {
    await writeFile(host.file('letter.eml'), saved)
    return host.run('audit', 'verify', '--key', host.key, '--checkpoint', host.file('letter.eml'))
  }
  const good = { code: 0, out: expect.stringContaining('Signed up to entry') }
  expect(await verify(sent)).toMatchObject(good)
  // As a host on the way may have written it anew.
  const printable = Buffer.from(body)
    .toString('latin1')
    .replaceAll(/[=\x80-\xff]/g, (octet) => `=${octet.charCodeAt(0).toString(16).toUpperCase()}`)
  const head = 'Subject: x\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
  const folded = printable.replaceAll(/(.{60,70}(?<!=.?))(?=.)/g, '$1=\n')
  expect(await verify(head + folded.replaceAll('\n', '\r\n'))).toMatchObject(good)
  expect(await verify(sent.toString().replaceAll('\r\n', '\n'))).toMatchObject(good)
  expect(await verify(sent.subarray(0, sent.indexOf('\r\n\r\n') + 200))).toMatchObject({
    code: 2,
    err: expect.stringContaining('no checkpoint in'),
  })
})

it('multimail audit verify names the first bad place of a file', async () => {
  await using host = await machine()
  await host.said('audit', 'checkpoint')
  await host.said('audit', 'export', host.file('log'))
  const text = await readFile(host.file('log'), 'utf8')
  await writeFile(host.file('changed'), text.replace('em_7', 'em_8'))
  expect(await elsewhere('audit', 'verify', '--file', host.file('changed'))).toMatchObject({
    code: 1,
    text: 'The log is not whole: BODY_CHANGED at entry 13. What it says was changed.\n',
  })
  await writeFile(host.file('cut'), text.split('\n').slice(0, 9).join('\n'))
  expect(await elsewhere('audit', 'verify', '--file', host.file('cut'), '--json')).toMatchObject({
    code: 1,
    text: expect.stringContaining('"ok": false'),
  })
})

it('multimail audit that was asked for wrongly says why', async () => {
  await using host = await machine()
  await host.said('audit', 'checkpoint')
  await host.said('audit', 'export', host.file('log'))
  const other = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
  const wrong: [string[], number, RegExp][] = [
    [['verify', '--key', 'x'], 2, /no key: copy the whole line/],
    [['verify', '--checkpoint', host.file('nothing')], 2, /no checkpoint in/],
    [['verify', '--checkpoint', host.file('log')], 2, /no checkpoint in/],
    [['verify', '--file', host.file('nothing')], 2, /cannot be read/],
    [['verify', '--file', tmpdir()], 2, /cannot be read/],
    [['verify', '--file', host.file('log'), '--checkpoint', host.file('log')], 2, /give --key as well/],
    [['export', host.file('log')], 2, /cannot be made/],
  ]
  for (const [args, code, words] of wrong)
    expect(await host.run('audit', ...args), args.join(' ')).toMatchObject({ code, out: '', err: expect.stringMatching(words) })
  expect(await host.run('audit', 'verify', '--key', other)).toMatchObject({
    code: 1,
    out: expect.stringContaining('CHECKPOINT_INVALID at entry 25'),
  })
  const note = await host.said('audit', 'checkpoint')
  await writeFile(host.file('letter'), note)
  expect(await host.run('audit', 'verify', '--key', other, '--checkpoint', host.file('letter'))).toMatchObject({
    code: 1,
    err: expect.stringContaining('was not signed with the key'),
  })
})
