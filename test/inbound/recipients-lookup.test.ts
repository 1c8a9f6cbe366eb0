import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { judgeRecipient, recipientFacts } from '../../server/inbound/recipients.ts'
import { addressKey, domainOf, localPartOf } from '../../server/model/address.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import { formatReply } from '../../server/model/reply.ts'
import type { Store } from '../../server/store/db.ts'
import { addAddresses } from '../support/addressed.ts'
import { addressText, wildText } from '../support/arbitraries.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const nobody = '550 5.1.1 No such mailbox here'
const later = '450 4.2.1 Mailbox suspended for now, try again later'
const relaying = '550 5.7.1 Relaying denied'
const unread = '553 5.1.3 Address syntax not supported'

const ours = {
  mailboxes: [
    'old@ours.test off',
    'ann@ours.test',
    'bea@ours.test',
    'bea+own@ours.test',
    'webmaster@ours.test',
    'away@ours.test off',
    'left@ours.test gone',
    'try@ours.test test',
    'grün@bücher.test',
    'postmaster@bücher.test gone',
    'all@open.test',
    'left@open.test gone',
    'away@open.test off',
    'only@asleep.test off',
  ],
  aliases: {
    'sales@ours.test': 'ann@ours.test',
    'left@bücher.test': 'ann@ours.test',
    'abuse@ours.test': 'bea@ours.test',
    'info@open.test': 'away@ours.test off',
    'a%b@open.test': 'ann@ours.test',
  },
  catchAll: { 'open.test': 'all@open.test', 'asleep.test': 'left@ours.test gone' },
}

describeOnEachEngine('an address given with RCPT TO', (openStore) => {
  let store: Store
  const names = new Map<MailboxId, string>()
  beforeAll(async () => {
    store = await openStore()
    for (const [name, id] of await addAddresses(store, ours)) names.set(id, name)
    await addAddresses(store, { mailboxes: ['ann@theirs.test'], aliases: { 'sales@theirs.test': 'ann@theirs.test' } })
  })

  const answer = async (path: string, hostname = 'mx.ours.test'): Promise<string> => {
    const verdict = judgeRecipient(await recipientFacts(store.db, hostname, path))
    return verdict.ok ? `${verdict.recipient.via} ${names.get(verdict.recipient.mailboxId)}` : formatReply(verdict.reply)
  }

  it.each([
    ['ann@ours.test', 'mailbox ann@ours.test'],
    ['ANN@Ours.TEST', 'mailbox ann@ours.test'],
    ['ann@ours.test.', 'mailbox ann@ours.test'],
    ['"ann"@ours.test', 'mailbox ann@ours.test'],
    [String.raw`"\a\n\n"@ours.test`, 'mailbox ann@ours.test'],
    ['sales@ours.test', 'alias ann@ours.test'],
    ['"Sales"@ours.test', 'alias ann@ours.test'],
    ['sales+spring@ours.test', 'plus ann@ours.test'],
    ['ann+news@ours.test', 'plus ann@ours.test'],
    ['Ann+@ours.test', 'plus ann@ours.test'],
    ['ann+a+b@ours.test', 'plus ann@ours.test'],
    ['bea+own@ours.test', 'mailbox bea+own@ours.test'],
    ['bea+own+more@ours.test', 'plus bea@ours.test'],
    ['+ann@ours.test', nobody],
    ['nobody@ours.test', nobody],
    ['nobody+ann@ours.test', nobody],
    // another name of the same domain
    ['grün@bücher.test', 'mailbox grün@bücher.test'],
    ['grün@xn--bcher-kva.test', 'mailbox grün@bücher.test'],
    ['GRÜN@BÜCHER.test', 'mailbox grün@bücher.test'],
    ['gru\u0308n@bu\u0308cher.test', 'mailbox grün@bücher.test'],
    ['ann@ｏｕｒｓ。test', 'mailbox ann@ours.test'],
    // suspended and deleted
    ['away@ours.test', later],
    ['away+x@ours.test', later],
    ['left@ours.test', nobody],
    ['left+x@ours.test', nobody],
    ['info@open.test', later],
    ['left@bücher.test', 'alias ann@ours.test'],
    // the test world is not on the network
    ['try@ours.test', nobody],
    // a catch-all takes what nobody has, and nothing else
    ['whoever@open.test', 'catch-all all@open.test'],
    ['whoever+x@open.test', 'catch-all all@open.test'],
    ['left@open.test', nobody],
    ['left+x@open.test', nobody],
    ['away@open.test', later],
    ['whoever@asleep.test', nobody],
    // somebody answers for each domain
    ['postmaster@ours.test', 'role ann@ours.test'],
    ['PostMaster@ours.test', 'role ann@ours.test'],
    ['"postmaster"@ours.test', 'role ann@ours.test'],
    ['abuse@ours.test', 'alias bea@ours.test'],
    ['abuse@bücher.test', 'role grün@bücher.test'],
    ['postmaster@bücher.test', 'role grün@bücher.test'],
    ['postmaster@open.test', 'role all@open.test'],
    ['postmaster@asleep.test', later],
    ['webmaster@ours.test', 'mailbox webmaster@ours.test'],
    ['hostmaster@ours.test', nobody],
    ['postmaster', 'role ann@ours.test'],
    ['Postmaster', 'role ann@ours.test'],
  ])('<%s> is %s', async (path, outcome) => {
    expect(await answer(path)).toBe(outcome)
  })

  it.each([
    ['ann@evil.test', relaying],
    ['ann@sub.ours.test', relaying],
    ['ann@ours.test.evil.test', relaying],
    ['ann@xn--ours-.test', unread],
    ['postmaster@evil.test', relaying],
    ['abuse@evil.test', relaying],
    ['ann%evil.test@ours.test', relaying],
    ['ann%evil.test%ours.test@open.test', relaying],
    ['ann+bo%evil.test@ours.test', relaying],
    ['ann!evil@ours.test', relaying],
    ['evil.test!ann@open.test', relaying],
    ['"ann@evil.test"@ours.test', relaying],
    ['"ann@evil.test"@open.test', relaying],
    ['"ann%evil.test"@open.test', relaying],
    [String.raw`"ann\@evil.test"@open.test`, relaying],
    ['a%b@open.test', 'alias ann@ours.test'],
    ['"a%b"@open.test', 'alias ann@ours.test'],
    ['ann@evil.test@ours.test', unread],
    ['ann@ours.test@evil.test', unread],
    ['@evil.test:ann@ours.test', unread],
    ['@ours.test:ann@evil.test', unread],
    ['@ours.test,@evil.test:ann@ours.test', unread],
    ['ann@evil.test:ours.test', unread],
    ['ann@[127.0.0.1]', unread],
    ['ann@[IPv6:::1]', unread],
    ['ann@127.0.0.1', unread],
    ['ann@', unread],
    ['@ours.test', unread],
    ['ann', unread],
    ['', unread],
    ['.', unread],
    ['ann@ours.test,ann@evil.test', unread],
    ['ann@ours.test ann@evil.test', unread],
    ['ann@ours.test\0@evil.test', unread],
    ['ann@ours.test\r\nRCPT TO:<ann@evil.test>', unread],
    ['|cat@ours.test', nobody],
    ['/etc/passwd@ours.test', nobody],
    ['ann@ours.test..', unread],
    ["ann' or '1'='1@ours.test", unread],
    [`${'a'.repeat(65)}@open.test`, unread],
    [`a@${'b.'.repeat(200)}test`, unread],
  ])('no way to elsewhere: <%s> is %s', async (path, outcome) => {
    expect(await answer(path)).toBe(outcome)
  })

  it('keeps to the account that has the domain', async () => {
    expect(await answer('sales@theirs.test')).toMatch(/^alias undefined/)
    expect(await answer('bea@theirs.test')).toBe(nobody)
  })

  it.each([
    ['mx.ours.test', 'role ann@ours.test'],
    ['open.test', 'role all@open.test'],
    // of no domain of ours: the first by name that there is
    ['mail.host.example', later],
  ])('<postmaster> at a host called %s is %s', async (hostname, outcome) => {
    expect(await answer('postmaster', hostname)).toBe(outcome)
  })

  it('whatever is asked for, is taken for an active mailbox of the domain that was named, or not at all', async () => {
    const local = fc.oneof(fc.constantFrom('ann', 'Sales', 'left', 'away', 'postmaster', 'try', '"ann"', 'x'), wildText)
    const joint = fc.constantFrom('', '+', '%', '!', '@', ':', '.', '"', ' ')
    const domain = fc.constantFrom('ours.test', 'OPEN.test', 'bücher.test', 'evil.test', 'ours.test.', '[127.0.0.1]')
    const trick = fc.tuple(local, joint, local, domain).map(([one, between, other, at]) => `${one}${between}${other}@${at}`)
    await fc.assert(
      fc.asyncProperty(fc.oneof(trick, addressText, wildText), async (path) => {
        const facts = await recipientFacts(store.db, 'mx.ours.test', path)
        const verdict = judgeRecipient(facts)
        if (!verdict.ok) {
          expect(formatReply(verdict.reply)).toMatch(/^(450 4\.2\.1|550 5\.1\.1|550 5\.7\.1|553 5\.1\.3) /)
          return
        }
        const { forwardPath, mailboxId } = verdict.recipient
        expect(['ours.test', 'open.test', 'xn--bcher-kva.test']).toContain(domainOf(forwardPath))
        expect(names.get(mailboxId)).toMatch(/^[^ ]+@[^ ]+$/)
        if (/[%!@]/.test(localPartOf(forwardPath))) expect(addressKey(forwardPath)).toBe('a%b@open.test')
      }),
      { numRuns: 300 },
    )
  })
})
