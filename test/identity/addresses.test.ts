import { beforeEach, expect, it } from 'vitest'
import { type Addresses, createAddresses } from '../../server/identity/addresses.ts'
import { endWebhooks } from '../../server/events/webhooks.ts'
import { endMail } from '../../server/outbound/control/end-mail.ts'
import { type MailboxChange, changeMailbox } from '../../server/identity/mailboxes.ts'
import { setUp } from '../../server/identity/setup.ts'
import { judgeRecipient, recipientFacts } from '../../server/inbound/recipients.ts'
import type { MailboxId } from '../../server/model/ids.ts'
import { formatReply } from '../../server/model/reply.ts'
import type { World } from '../../server/model/world.ts'
import type { Store } from '../../server/store/db.ts'
import { domainsWithCatchAll } from '../../server/store/domains.ts'
import { listAliases } from '../../server/store/aliases.ts'
import { verifyLog } from '../../server/store/log.ts'
import { addAddresses } from '../support/addressed.ts'
import { knownDkim } from '../support/known-dkim.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const clock = createVirtualClock(Date.UTC(2026, 10, 22, 12))

describeOnEachEngine('the addresses of a mailbox', (openStore) => {
  let store: Store
  let addresses: Addresses
  let ids: Map<string, MailboxId>
  beforeEach(async () => {
    store = await openStore()
    addresses = createAddresses({ store, clock })
    ids = await addAddresses(store, {
      mailboxes: ['ann@ours.test', 'bea@ours.test', 'left@ours.test gone', 'try@ours.test test', 'eve@bücher.test'],
    })
    await addAddresses(store, { mailboxes: ['ann@theirs.test'] })
  })

  const change = (what: MailboxChange, address: string, world: World = 'live') =>
    changeMailbox({ store, clock, endMail, endWebhooks }, what, address, world)
  const answer = async (path: string): Promise<string> => {
    const verdict = judgeRecipient(await recipientFacts(store.db, 'mx.ours.test', path))
    return verdict.ok ? verdict.recipient.via : formatReply(verdict.reply).slice(0, 9)
  }
  const record = async () => {
    expect(await verifyLog(store.db)).toMatchObject({ ok: true })
    return await store.db
      .selectFrom('log_entries')
      .select(['action', 'resource_id', 'details_json', 'actor_id', 'body'])
      .orderBy('seq')
      .execute()
  }

  it('grow by an alias, once, and shrink again; each is on the record', async () => {
    const ann = { alias: 'sales@ours.test', mailbox: 'ann@ours.test' }
    for (const alias of ['Sales@ours.test', '"sales"@OURS.test.']) {
      expect(await addresses.addAlias({ alias, mailbox: 'ANN@ours.test' })).toEqual({ ok: true, value: ann })
    }
    expect(await listAliases(store.db)).toMatchObject([{ address: 'sales@ours.test', mailbox: 'ann@ours.test' }])
    expect(await answer('sales@ours.test')).toBe('alias')
    expect(await addresses.removeAlias('SALES@ours.test')).toEqual({ ok: true, value: { alias: 'sales@ours.test' } })
    expect(await addresses.removeAlias('sales@ours.test')).toMatchObject({ ok: false, code: 'ALIAS_NOT_FOUND' })
    expect(await answer('sales@ours.test')).toBe('550 5.1.1')
    const entry = { resource_id: ids.get('ann@ours.test'), actor_id: 'system:host', details_json: '{"alias":"sales@ours.test"}' }
    expect(await record()).toMatchObject([
      { action: 'alias.added', ...entry },
      { action: 'alias.removed', ...entry },
    ])
    // what names people can be erased, so it is not in the part that is hashed for ever
    for (const { body } of await record()) expect(body).not.toContain('sales')
  })

  it('do not grow by what is not theirs, or not there', async () => {
    await addresses.addAlias({ alias: 'info@xn--bcher-kva.test', mailbox: 'eve@bücher.test' })
    for (const [alias, mailbox, code] of [
      ['ann', 'ann@ours.test', 'BAD_ADDRESS'],
      ['sales@evil.test', 'ann@ours.test', 'DOMAIN_NOT_FOUND'],
      // of another account: the domain, then the mailbox
      ['sales@theirs.test', 'ann@ours.test', 'OTHER_ACCOUNT'],
      ['sales@ours.test', 'ann@theirs.test', 'OTHER_ACCOUNT'],
      ['sales@ours.test', 'nobody@ours.test', 'MAILBOX_NOT_FOUND'],
      ['sales@ours.test', 'left@ours.test', 'MAILBOX_NOT_FOUND'],
      ['sales@ours.test', 'try@ours.test', 'MAILBOX_NOT_FOUND'],
      ['bea@ours.test', 'ann@ours.test', 'ADDRESS_TAKEN'],
      ['"ann"@ours.test', 'ann@ours.test', 'ADDRESS_TAKEN'],
      ['info@bücher.test', 'ann@ours.test', 'ADDRESS_TAKEN'],
    ] as const)
      expect(await addresses.addAlias({ alias, mailbox })).toMatchObject({ ok: false, code })
    expect(await listAliases(store.db)).toHaveLength(1)
    expect(await record()).toHaveLength(1)
  })

  it('may be the rest of a domain', async () => {
    expect(await answer('whoever@ours.test')).toBe('550 5.1.1')
    for (const mailbox of ['eve@bücher.test', 'EVE@xn--bcher-kva.test'])
      expect(await addresses.setCatchAll({ domain: 'Ours.test', mailbox })).toEqual({
        ok: true,
        value: { domain: 'ours.test', mailbox: 'eve@xn--bcher-kva.test' },
      })
    expect(await answer('whoever@ours.test')).toBe('catch-all')
    expect(await domainsWithCatchAll(store.db)).toMatchObject([
      { name: 'ours.test', catchAll: 'eve@xn--bcher-kva.test' },
      { name: 'theirs.test', catchAll: null },
      { name: 'xn--bcher-kva.test', catchAll: null },
    ])
    expect(await addresses.setCatchAll({ domain: 'ours.test', mailbox: null })).toMatchObject({ value: { mailbox: null } })
    expect(await answer('whoever@ours.test')).toBe('550 5.1.1')
    expect((await record()).map(({ action }) => action)).toEqual(['catch_all.set', 'catch_all.set'])
    for (const [domain, mailbox, code] of [
      ['evil.test', 'ann@ours.test', 'DOMAIN_NOT_FOUND'],
      ['no domain', null, 'DOMAIN_NOT_FOUND'],
      ['theirs.test', 'ann@ours.test', 'OTHER_ACCOUNT'],
      ['ours.test', 'left@ours.test', 'MAILBOX_NOT_FOUND'],
      ['ours.test', 'try@ours.test', 'MAILBOX_NOT_FOUND'],
    ] as const)
      expect(await addresses.setCatchAll({ domain, mailbox })).toMatchObject({ ok: false, code })
  })

  it('answer for now while it is suspended, for good when it is deleted, and again when it is back', async () => {
    await addresses.addAlias({ alias: 'sales@ours.test', mailbox: 'ann@ours.test' })
    const states: [MailboxChange, string, string][] = [
      ['suspend', 'suspended', '450 4.2.1'],
      ['resume', 'active', 'mailbox'],
      ['suspend', 'suspended', '450 4.2.1'],
      ['delete', 'deleted', '550 5.1.1'],
      ['resume', 'active', 'mailbox'],
      ['delete', 'deleted', '550 5.1.1'],
    ]
    for (const [what, state, reply] of states) {
      expect(await change(what, 'Ann@ours.test')).toEqual({ ok: true, value: { address: 'ann@ours.test', state, changed: true } })
      expect(await change(what, 'ann@ours.test')).toMatchObject({ ok: true, value: { changed: false } })
      expect(await answer('ann@ours.test')).toBe(reply)
      expect(await answer('sales@ours.test')).toBe(reply === 'mailbox' ? 'alias' : reply)
    }
    expect(await change('suspend', 'ann@ours.test')).toMatchObject({ ok: false, code: 'MAILBOX_DELETED' })
    expect(await change('suspend', 'nobody@ours.test')).toMatchObject({ ok: false, code: 'MAILBOX_NOT_FOUND' })
    expect(await change('suspend', 'ann')).toMatchObject({ ok: false, code: 'MAILBOX_NOT_FOUND' })
    const actions = (await record()).map(({ action }) => action)
    expect(actions).toEqual([
      'alias.added',
      ...states.map(([what]) => `mailbox.${what === 'resume' ? 'resumed' : what === 'delete' ? 'deleted' : 'suspended'}`),
    ])
  })

  it('are of one world at a time', async () => {
    expect(await change('suspend', 'try@ours.test')).toMatchObject({ ok: false, code: 'MAILBOX_NOT_FOUND' })
    expect(await change('suspend', 'try@ours.test', 'test')).toMatchObject({ ok: true })
    expect(await store.db.selectFrom('log_entries').select('world').execute()).toEqual([{ world: 'test' }])
  })

  it('of a deleted mailbox may be given to another one, and then it cannot come back', async () => {
    expect(await addresses.addAlias({ alias: 'left@ours.test', mailbox: 'bea@ours.test' })).toMatchObject({ ok: true })
    expect(await answer('left@ours.test')).toBe('alias')
    expect(await change('resume', 'left@ours.test')).toMatchObject({ ok: false, code: 'ADDRESS_TAKEN' })
  })

  it('are no room for a new mailbox', async () => {
    await addresses.addAlias({ alias: 'sales@ours.test', mailbox: 'ann@ours.test' })
    const made = await store.db.selectFrom('mailboxes').selectAll().execute()
    for (const mailbox of ['sales', '"Sales"', 'left'])
      expect(await setUp({ store, clock, makeDkim: knownDkim }, { domain: 'ours.test', mailbox })).toMatchObject({
        ok: false,
        code: 'ADDRESS_TAKEN',
      })
    expect(await store.db.selectFrom('mailboxes').selectAll().execute()).toEqual(made)
  })

  it('asked for by two at once are an alias or a mailbox, never both', async () => {
    for (const name of ['one', 'two', 'three']) {
      const [alias, mailbox] = await Promise.all([
        addresses.addAlias({ alias: `${name}@ours.test`, mailbox: 'ann@ours.test' }),
        setUp({ store, clock, makeDkim: knownDkim }, { domain: 'ours.test', mailbox: name }),
      ])
      expect(alias.ok).not.toBe(mailbox.ok)
    }
  })
})
