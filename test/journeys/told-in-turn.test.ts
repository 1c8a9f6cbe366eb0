import { expect, it } from 'vitest'
import { removePerson, setQuietOnHost, setReviewerTurns } from '../../server/identity/people/on-host.ts'
import type { EmailId } from '../../server/model/ids.ts'
import { lastCallAt } from '../../server/oversight/holds.ts'
import { addTo, lettersTo, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

const minute = 60_000
const hour = 60 * minute
const [ann, ben, cleo] = ['ann@elsewhere.example', 'ben@elsewhere.example', 'cleo@elsewhere.example'] as const

let subjects = 0
const held = async (desk: Desk, key = desk.ours.keys.agent, mailbox = desk.ours.gated) => {
  const letter = { mailbox_id: mailbox.id, to: ['bo@remote.test'], subject: `Offer ${(subjects += 1)}`, markdown: 'It costs 5.' }
  const { body } = await desk.call(key, 'POST', '/send_email', letter)
  if (typeof body['id'] !== 'string') throw new Error(JSON.stringify(body))
  return body['id'] as EmailId
}
const tell = (desk: Desk) => desk.approvalMail.jobs[0]?.work(desk.clock.now())
const countOf = async (desk: Desk) => Promise.all([ann, ben, cleo].map(async (one) => (await lettersTo(desk, one)).length))
const turns = (desk: Desk, people: readonly string[], afterMs = hour, mailbox: string | null = null) =>
  setReviewerTurns(desk, desk.ours.accountId, { people, afterMs, mailbox })
const reject = (desk: Desk, id: EmailId) =>
  desk.call(desk.ours.keys.reviewer, 'POST', '/decide_email', { email_id: id, action: 'reject', reason: 'no' })
async function deskOfThree(openStore: Parameters<typeof openDesk>[0]): Promise<Desk> {
  const desk = await openDesk(openStore)
  for (const one of [ann, ben, cleo]) await addTo(desk, desk.ours.accountId, one)
  return desk
}

it.each([
  [72 * hour, 48 * hour],
  [48 * hour, 24 * hour],
  [10 * hour, 5 * hour],
  [1, 1],
  [0, 0],
])('of %d ms everybody is told by %d', (life, last) => {
  expect(lastCallAt(1000, 1000 + life)).toBe(1000 + last)
})

describeOnEachEngine('reviewers who are told in turns', (openStore) => {
  it('are told one after the other while it waits, those without a turn last', async () => {
    const desk = await deskOfThree(openStore)
    await held(desk)
    await tell(desk)
    // Without turns, all at once.
    expect(await countOf(desk)).toEqual([1, 1, 1])
    expect((await turns(desk, [ben, ann])).ok).toBe(true)
    await desk.clock.advance(5 * minute)
    await held(desk)
    const seen: number[][] = []
    for (const wait of [0, hour - 1, 1, hour, hour]) {
      await desk.clock.advance(wait)
      await tell(desk)
      seen.push((await countOf(desk)).map((count) => count - 1))
    }
    expect(seen).toEqual([
      [0, 1, 0],
      [0, 1, 0],
      [1, 1, 0],
      [1, 1, 1],
      [1, 1, 1],
    ])
    const told = await desk.store.db
      .selectFrom('log_entries')
      .select('body')
      .where('action', '=', 'person.notified')
      .orderBy('seq')
      .execute()
    expect(told.slice(3).map(({ body }) => /"escalated":(\d)/.exec(body)?.[1])).toEqual(['0', '1', '1'])
  })

  it('are not told what was decided before their turn, and are told of the rest', async () => {
    const desk = await deskOfThree(openStore)
    await turns(desk, [ann, ben, cleo])
    const ids: EmailId[] = []
    // More than are looked at for one letter.
    for (let n = 0; n < 45; n += 1) ids.push(await held(desk))
    await tell(desk)
    for (const id of ids.slice(0, 44)) await reject(desk, id)
    await desk.clock.advance(hour)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 1, 0])
    expect((await lettersTo(desk, ben))[0]).toMatchObject({ subject: 'An email waits for your decision' })
    await reject(desk, ids[44] as EmailId)
    await desk.clock.advance(hour)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 1, 0])
  }, 60_000)

  it('pass over whoever wrote it, and who is removed', async () => {
    const desk = await deskOfThree(openStore)
    await turns(desk, [ann, ben, cleo])
    const { id: ownerId } = await desk.store.db.selectFrom('people').select('id').where('address_key', '=', ann).executeTakeFirstOrThrow()
    const tenancy = { accountId: desk.ours.accountId, world: 'live' } as const
    const issued = await desk.keys.issue({ tenancy, name: 'hers', scopes: ['read', 'send'], ownerId })
    if (!issued.ok) throw new Error(issued.code)
    await held(desk, issued.value.key)
    await tell(desk)
    // Ben has her place, at once.
    expect(await countOf(desk)).toEqual([0, 1, 0])
    await desk.clock.advance(hour)
    await tell(desk)
    expect(await countOf(desk)).toEqual([0, 1, 1])
    await removePerson(desk, desk.ours.accountId, ben)
    await held(desk)
    await tell(desk)
    await desk.clock.advance(hour)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 1, 2])
  })

  it('have turns by mailbox, and everybody is told a day before it expires', async () => {
    const desk = await deskOfThree(openStore)
    await turns(desk, [ann], 48 * hour)
    await turns(desk, [cleo, ben], 48 * hour, desk.ours.guarded.address)
    await held(desk, desk.ours.keys.agent, desk.ours.guarded)
    await tell(desk)
    expect(await countOf(desk)).toEqual([0, 0, 1])
    await desk.clock.advance(5 * minute)
    await held(desk)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 0, 1])
    await desk.clock.advance(48 * hour - 5 * minute - 1)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 0, 1])
    await desk.clock.advance(5 * minute + 1)
    await tell(desk)
    expect(await countOf(desk)).toEqual([2, 1, 2])
    // Taken away, all are told at once again.
    for (const mailbox of [null, desk.ours.guarded.address]) await turns(desk, [], hour, mailbox)
    await desk.clock.advance(5 * minute)
    await held(desk)
    await tell(desk)
    expect(await countOf(desk)).toEqual([3, 2, 3])
  })

  it('have a turn once, in their own account', async () => {
    const desk = await deskOfThree(openStore)
    await addTo(desk, desk.theirs.accountId, 'di@elsewhere.example')
    for (const [people, afterMs, mailbox, code] of [
      [[ann, ann], hour, null, 'BAD_TURNS'],
      [['di@elsewhere.example'], hour, null, 'PERSON_NOT_FOUND'],
      [['nobody'], hour, null, 'PERSON_NOT_FOUND'],
      [[ann], 1, null, 'BAD_TURNS'],
      [[ann], 49 * hour, null, 'BAD_TURNS'],
      [[ann], hour, desk.theirs.gated.address, 'MAILBOX_NOT_FOUND'],
      [[ann], hour, 'x', 'MAILBOX_NOT_FOUND'],
    ] as const)
      expect(await turns(desk, people, afterMs, mailbox)).toMatchObject({ ok: false, code })
    expect(await desk.store.db.selectFrom('reviewer_turns').selectAll().execute()).toEqual([])
  })
})

describeOnEachEngine('quiet hours of a reviewer', (openStore) => {
  // The desk opens at 09:00 UTC, 10:00 in Berlin.
  const night = { zone: 'Europe/Berlin', from: 22 * 60, to: 7 * 60 }
  it('have no letters, and one about all that came when they are over', async () => {
    const desk = await deskOfThree(openStore)
    await setQuietOnHost(desk, desk.ours.accountId, ann, night)
    await desk.clock.advance(12 * hour)
    for (let n = 0; n < 3; n += 1) {
      await held(desk)
      await tell(desk)
      await desk.clock.advance(hour)
    }
    expect(await countOf(desk)).toEqual([0, 3, 3])
    await desk.clock.advance(6 * hour - 1)
    await tell(desk)
    expect((await countOf(desk))[0]).toBe(0)
    await desk.clock.advance(1)
    await tell(desk)
    expect(await lettersTo(desk, ann)).toMatchObject([{ subject: '3 emails wait for your decision' }])
  })

  it('are broken by a turn that came, and by what would expire in them, with all that waits', async () => {
    const desk = await deskOfThree(openStore)
    await turns(desk, [ben, ann])
    await setQuietOnHost(desk, desk.ours.accountId, ann, night)
    await desk.clock.advance(11.5 * hour)
    await held(desk)
    await desk.clock.advance(hour)
    await tell(desk)
    // 22:30 in Berlin: Ben did not decide.
    expect(await countOf(desk)).toEqual([1, 1, 0])
    await turns(desk, [])
    await desk.clock.advance(hour)
    const [urgent] = [await held(desk), await held(desk)]
    await tell(desk)
    expect((await countOf(desk))[0]).toBe(1)
    const over = Date.parse('2026-03-03T06:00:00Z')
    await desk.store.db
      .updateTable('holds')
      .set({ expires_at: over + hour })
      .where('email_id', '=', urgent)
      .execute()
    await tell(desk)
    expect(await lettersTo(desk, ann)).toMatchObject([{}, { subject: '2 emails wait for your decision' }])
  })

  it('are said by themselves, and seen by nobody in the hashed record', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const set = (quiet: unknown) => browser.post('/session/quiet-hours', { quiet })
    const wanted = { time_zone: 'America/New_York', from: '22:00', to: '07:00' }
    expect(await set(wanted)).toMatchObject({ status: 200, body: { quiet_hours: wanted } })
    expect((await browser.get('/session/me')).body).toMatchObject({ person: { quiet_hours: wanted } })
    for (const bad of [
      { ...wanted, time_zone: 'Mars/Olympus' },
      { ...wanted, time_zone: '+01:00' },
      { ...wanted, from: '7:00' },
      { ...wanted, to: '22:00' },
      { ...wanted, to: '21:00' },
      'never',
    ])
      expect((await set(bad)).status).toBe(400)
    const exported = (await desk.call(desk.ours.keys.admin, 'GET', '/v1/export')).body
    expect(JSON.stringify(exported)).not.toContain('totp_secret')
    expect(await set(null)).toMatchObject({ body: { quiet_hours: null } })
    const log = await desk.store.db.selectFrom('log_entries').selectAll().where('action', '=', 'person.quiet_hours_set').execute()
    expect(log).toHaveLength(2)
    expect(log.map(({ body }) => body).join()).not.toContain('New_York')
  })

  it('tells everybody behind somebody who cannot be told, and whoever is in a zone that is not known any more', async () => {
    const desk = await deskOfThree(openStore)
    const people = desk.store.db.updateTable('people')
    await people.set({ time_zone: 'Mars/Olympus', quiet_from: 0, quiet_to: 900 }).where('address_key', '=', ann).execute()
    const broken = await held(desk)
    const idOfBen = desk.store.db.selectFrom('people').select('id').where('address_key', '=', ben)
    await desk.store.db.deleteFrom('approval_links').where('person_id', 'not in', idOfBen).execute()
    await desk.store.db.updateTable('emails').set({ forward_paths_json: '{' }).where('id', '=', broken).execute()
    await held(desk)
    await tell(desk)
    expect(await countOf(desk)).toEqual([1, 0, 1])
  })
})
