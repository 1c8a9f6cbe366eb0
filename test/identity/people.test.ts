import { expect, it } from 'vitest'
import { recoverPerson, removePerson, setRole, addPerson } from '../../server/identity/people/on-host.ts'
import { isUnattested } from '../../server/identity/people/passkeys.ts'
import { createPeople } from '../../server/identity/people/people.ts'
import { fromBase32, hotp, totpStep } from '../../server/identity/people/totp.ts'
import { peoplePaths } from '../../server/doors/people/people.ts'
import { createAuthenticator } from '../support/authenticator.ts'
import { type Browser, addTo, ann, deskOrigin, lettersTo, mailedCode, openBrowser, signedIn } from '../support/browser.ts'
import { type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine, describeOnOneEngine } from '../support/stores.ts'

const minute = 60_000
const sessionCookie = '__Host-multimail-session'
const refused = { status: 403, body: { code: 'SIGN_IN_REFUSED' } }

const actionsOf = async ({ store }: Desk): Promise<string[]> =>
  (await store.db.selectFrom('log_entries').select('action').where('action', 'like', 'person.%').orderBy('seq').execute()).map(
    ({ action }) => action,
  )
const isIn = async (browser: Browser): Promise<unknown> => (await browser.get('/session/me')).body['signed_in']

/** Signs in with a mailed code. */
async function byMail(desk: Desk, browser = openBrowser(desk), more: object = {}) {
  await browser.ask(ann)
  return browser.post('/session/enter', { code: await mailedCode(desk, ann), ...more })
}

async function withTotp(desk: Desk) {
  const browser = await signedIn(desk, desk.ours.accountId)
  const secret = fromBase32(String((await browser.post('/session/totp')).body['secret']))
  const codeAt = (ms = 0) => hotp(secret, totpStep(desk.clock.now() + ms))
  expect(await browser.post('/session/totp/confirm', { code: '000000' })).toMatchObject({ status: 403, body: { code: 'TOTP_WRONG' } })
  expect((await browser.post('/session/totp/confirm', { code: codeAt() })).status).toBe(200)
  return { browser, codeAt }
}

async function withPasskey(desk: Desk) {
  const browser = await signedIn(desk, desk.ours.accountId)
  const key = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' })
  const options = await browser.post('/session/passkeys/options')
  const added = await browser.post('/session/passkeys', { name: 'phone', response: key.create(options.body) })
  expect(added.status).toBe(200)
  return { browser, key, id: String(added.body['id']) }
}
async function recovered(desk: Desk): Promise<string> {
  const person = await recoverPerson(desk, desk.ours.accountId, ann)
  if (!person.ok) throw new Error(person.code)
  return person.value.code
}
const optionsIn = async (browser: Browser) => (await browser.post('/session/passkey/options')).body

describeOnEachEngine('signing in with a code', (openStore) => {
  it('takes a mailed code once, in the browser that asked, and keeps hashes only', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const browser = openBrowser(desk)
    expect(await browser.ask('ANN@elsewhere.example')).toMatchObject({ status: 200, body: { status: 'asked' } })
    const code = await mailedCode(desk, ann)
    expect(await openBrowser(desk).post('/session/enter', { code })).toMatchObject(refused)
    const entered = await browser.post('/session/enter', { code: ` ${code.toLowerCase()}` })
    expect(entered).toMatchObject({ status: 200, body: { signed_in: true, person: { name: 'Ann', role: 'reviewer', address: ann } } })
    const cookie = entered.headers.getSetCookie().find((line) => line.startsWith(sessionCookie))
    for (const part of ['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/']) expect(cookie).toContain(part)
    const token = browser.cookies.get(sessionCookie) ?? 'none'
    const rows = JSON.stringify([
      await desk.store.db.selectFrom('person_sessions').selectAll().execute(),
      await desk.store.db.selectFrom('person_codes').selectAll().execute(),
      await desk.store.db.selectFrom('log_entries').selectAll().execute(),
    ])
    for (const secret of [token, code, code.replace('-', '')]) expect(rows).not.toContain(secret)
    expect(await isIn(browser)).toBe(true)
    expect(await browser.post('/session/enter', { code })).toMatchObject(refused)
    expect(await actionsOf(desk)).toEqual(['person.added', 'person.code_mailed', 'person.signed_in'])
  })

  it('ends a code at its fifth wrong try, and at its time', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const browser = openBrowser(desk)
    await browser.ask(ann)
    for (let n = 0; n < 5; n += 1) expect(await browser.post('/session/enter', { code: 'AAAA-AAAA' })).toMatchObject(refused)
    expect(await browser.post('/session/enter', { code: await mailedCode(desk, ann) })).toMatchObject(refused)
    await desk.clock.advance(minute)
    await browser.ask(ann)
    await desk.clock.advance(8 * minute)
    expect(await browser.post('/session/enter', { code: await mailedCode(desk, ann) })).toMatchObject(refused)
    expect((await byMail(desk, browser)).status).toBe(200)
  })

  it('tells nobody who there is, and mails no code where an agent reads', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const answers = []
    for (const address of [ann, 'nobody@elsewhere.example', desk.ours.gated.address, 'no address'])
      answers.push((await openBrowser(desk).ask(address)).body)
    expect(new Set(answers.map((body) => JSON.stringify(body))).size).toBe(1)
    expect(await desk.store.db.selectFrom('person_codes').select('id').where('kind', '=', 'mail').execute()).toHaveLength(1)
    const here = { accountId: desk.ours.accountId, address: desk.theirs.gated.address, name: 'Bo', role: 'reviewer' } as const
    expect(await addPerson(desk, here)).toMatchObject({ ok: false, code: 'BAD_ADDRESS' })
    // Whose domain comes here later is not written to either.
    await desk.store.db.updateTable('domains').set({ name: 'elsewhere.example' }).where('account_id', '=', desk.theirs.accountId).execute()
    await desk.clock.advance(5 * minute)
    await openBrowser(desk).ask(ann)
    expect(await lettersTo(desk, ann)).toHaveLength(1)
  })

  it('takes the same time to say no, whether a code is awaited or not', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const letOut: (() => void)[] = []
    const steady = () => new Promise<void>((resolve) => letOut.push(resolve))
    const base = { store: desk.store, clock: desk.clock, publicUrl: deskOrigin, secret: 's', idleMs: minute, lifeMs: minute }
    const people = createPeople({ ...base, onFault: () => undefined, steady })
    for (const address of [ann, 'nobody@elsewhere.example']) {
      const ticket = people.askCode(undefined, address)
      await people.settled()
      let isOut = false
      const answer = people.enterByCode({ ticket, code: 'AAAA-AAAA', totp: undefined, previous: undefined }).then((result) => {
        isOut = true
        return result
      })
      // Longer than the work takes: everything else that waits for the store is done.
      await desk.store.transaction(() => Promise.resolve())
      expect(isOut).toBe(false)
      letOut.pop()?.()
      expect(await answer).toMatchObject({ ok: false, code: 'SIGN_IN_REFUSED' })
    }
  })

  it('mails one code a minute to somebody, and eight in an hour, whoever asks', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    for (let n = 0; n < 3; n += 1) await openBrowser(desk).ask(ann)
    expect(await lettersTo(desk, ann)).toHaveLength(1)
    for (let n = 0; n < 12; n += 1) {
      await desk.clock.advance(minute)
      await openBrowser(desk).ask(ann)
    }
    expect(await lettersTo(desk, ann)).toHaveLength(8)
    await desk.clock.advance(60 * minute)
    await openBrowser(desk).ask(ann)
    expect(await lettersTo(desk, ann)).toHaveLength(9)
  })

  it('lets nobody try for ever from one network', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const browser = openBrowser(desk)
    const attempt = () => browser.post('/session/enter', { code: 'AAAA-AAAA' })
    // The loopback interface may be a proxy with everybody behind it.
    for (let n = 0; n < 1000; n += 1) await attempt()
    expect(await attempt()).toMatchObject({ status: 429, body: { code: 'TOO_MANY_SIGN_INS', retry_after_seconds: 3600 } })
    await desk.clock.advance(60 * minute)
    expect(await attempt()).toMatchObject(refused)
  })

  it('lets only one of two in with one code', async () => {
    const desk = await openDesk(openStore)
    await addTo(desk, desk.ours.accountId)
    const browser = openBrowser(desk)
    await browser.ask(ann)
    const code = await mailedCode(desk, ann)
    const both = await Promise.all([browser.post('/session/enter', { code }), browser.post('/session/enter', { code })])
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403])
  })

  it('asks for the code of an authenticator program besides, each good once', async () => {
    const desk = await openDesk(openStore)
    const { codeAt } = await withTotp(desk)
    await desk.clock.advance(minute)
    const browser = openBrowser(desk)
    expect(await byMail(desk, browser)).toMatchObject({ status: 403, body: { code: 'TOTP_NEEDED' } })
    const code = await mailedCode(desk, ann)
    expect(await browser.post('/session/enter', { code, totp: '123' })).toMatchObject(refused)
    const totp = codeAt()
    expect((await browser.post('/session/enter', { code, totp })).status).toBe(200)
    await desk.clock.advance(minute)
    // Nobody uses the code that somebody has used, nor one of before.
    expect(await byMail(desk, openBrowser(desk), { totp })).toMatchObject(refused)
    expect(await actionsOf(desk)).toContain('person.totp_added')
  })

  it('takes no codes any more after ten wrong ones of that program, until the host says so', { timeout: 30_000 }, async () => {
    const desk = await openDesk(openStore)
    const { codeAt } = await withTotp(desk)
    await desk.clock.advance(minute)
    for (let letters = 0; letters < 2; letters += 1) {
      const browser = openBrowser(desk)
      await byMail(desk, browser)
      const code = await mailedCode(desk, ann)
      for (let n = 0; n < 5; n += 1) expect(await browser.post('/session/enter', { code, totp: '12' })).toMatchObject(refused)
      await desk.clock.advance(minute)
    }
    expect(await byMail(desk, openBrowser(desk), { totp: codeAt() })).toMatchObject(refused)
    const recovered = await recoverPerson(desk, desk.ours.accountId, ann)
    if (!recovered.ok) throw new Error(recovered.code)
    expect((await openBrowser(desk).post('/session/enter', { code: recovered.value.code })).status).toBe(200)
  })
})

describeOnOneEngine('too many wrong answers', (openStore) => {
  it('keep nobody out who has a passkey or a code of the host', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const { key } = await withPasskey(desk)
    const again = await recovered(desk)
    const browser = openBrowser(desk)
    const response = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' }).get({ challenge: 'A'.repeat(72) })
    const inTwenties = async (path: string, body: object) => {
      for (let n = 0; n < 1000; n += 20) await Promise.all(Array.from({ length: 20 }, () => browser.post(path, body)))
      return browser.post(path, body)
    }
    const tooMany = { status: 429, body: { code: 'TOO_MANY_SIGN_INS' } }
    const wrong = { code: 'AAAA-AAAA-AAAA-AAAA' }
    expect(await inTwenties('/session/enter', wrong)).toMatchObject(tooMany)
    // Those are counted by themselves.
    expect(await browser.post('/session/enter', { code: 'AAAA-AAAA' })).toMatchObject(refused)
    const own = openBrowser(desk)
    expect((await own.post('/session/enter', { code: again })).status).toBe(200)
    const added = key.create((await own.post('/session/passkeys/options')).body)
    expect((await own.post('/session/passkeys', { name: 'phone', response: added })).status).toBe(200)
    expect(await browser.post('/session/passkey/enter', { response })).toMatchObject(refused)
    expect(await inTwenties('/session/passkey/enter', { response })).toMatchObject(tooMany)
    expect((await browser.post('/session/passkey/enter', { response: key.get(await optionsIn(browser)) })).status).toBe(200)
  })

  it('are those that were wrong: asking for a challenge and getting in count for nothing', { timeout: 60_000 }, async () => {
    const desk = await openDesk(openStore)
    const { key } = await withPasskey(desk)
    const browser = openBrowser(desk)
    for (let n = 0; n < 1010; n += 10) await Promise.all(Array.from({ length: 10 }, () => optionsIn(browser)))
    expect((await browser.post('/session/passkey/enter', { response: key.get(await optionsIn(browser)) })).status).toBe(200)
    expect((await byMail(desk, browser)).status).toBe(200)
  })
})

describeOnEachEngine('passkeys', (openStore) => {
  it('sign somebody in, each challenge once', async () => {
    const desk = await openDesk(openStore)
    const { key } = await withPasskey(desk)
    const browser = openBrowser(desk)
    const options = await optionsIn(browser)
    expect(options).toMatchObject({ rpId: 'mail.ours.test', userVerification: 'required', allowCredentials: [] })
    const response = key.get(options)
    expect(await browser.post('/session/passkey/enter', { response })).toMatchObject({ status: 200, body: { person: { address: ann } } })
    expect(await isIn(browser)).toBe(true)
    expect(await openBrowser(desk).post('/session/passkey/enter', { response })).toMatchObject(refused)
    // Another answer to the challenge that was used.
    expect(await openBrowser(desk).post('/session/passkey/enter', { response: key.get(options) })).toMatchObject(refused)
    expect(await actionsOf(desk)).toContain('person.passkey_added')
  })

  it('sign nobody in from another page, for another server, unverified, late, forged, copied, or unknown', async () => {
    const desk = await openDesk(openStore)
    const { key, browser: own, id } = await withPasskey(desk)
    const browser = openBrowser(desk)
    const enter = (response: unknown) => browser.post('/session/passkey/enter', { response })
    for (const wrong of [
      { origin: 'https://evil.example' },
      { rpId: 'evil.example' },
      { userVerified: false },
      { challenge: Buffer.from('a challenge of somebody else').toString('base64url') },
    ])
      expect(await enter(key.get(await optionsIn(browser), wrong))).toMatchObject(refused)
    const late = key.get(await optionsIn(browser))
    await desk.clock.advance(5 * minute)
    expect(await enter(late)).toMatchObject(refused)
    const forged = key.get(await optionsIn(browser))
    const other = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' }).get(await optionsIn(browser))
    expect(await enter({ ...forged, response: { ...forged.response, signature: other.response.signature } })).toMatchObject(refused)
    expect(await enter(other)).toMatchObject(refused)
    expect(
      await enter({ ...forged, response: { ...forged.response, userHandle: Buffer.from('per_1').toString('base64url') } }),
    ).toMatchObject(refused)
    expect((await enter(key.get(await optionsIn(browser), { counter: 50 }))).status).toBe(200)
    for (const counter of [50, 49, 0]) expect(await enter(key.get(await optionsIn(browser), { counter }))).toMatchObject(refused)
    expect((await enter(key.get(await optionsIn(browser), { counter: 51 }))).status).toBe(200)
    // A challenge for adding one is none for signing in.
    const adding = (await own.post('/session/passkeys/options')).body
    expect(await enter(key.get(adding, { counter: 60 }))).toMatchObject(refused)
    expect((await own.post('/session/passkeys/remove', { id })).status).toBe(200)
    expect(await enter(key.get(await optionsIn(browser), { counter: 70 }))).toMatchObject(refused)
    const entries = await desk.store.db.selectFrom('log_entries').select('body').where('action', '=', 'person.refused').execute()
    expect(entries.filter(({ body }) => body.includes('"passkey_counter"'))).toHaveLength(3)
  })

  it('let only one of two in with one answer', async () => {
    const desk = await openDesk(openStore)
    const { key } = await withPasskey(desk)
    const response = key.get(await optionsIn(openBrowser(desk)))
    const both = await Promise.all([1, 2].map(() => openBrowser(desk).post('/session/passkey/enter', { response })))
    expect(both.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 403])
  })

  it('are added moments after signing in, by whoever has signed in, and are nobody else’s', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const bo = await signedIn(desk, desk.theirs.accountId, 'bo@elsewhere.example')
    const key = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' })
    const options = (await browser.post('/session/passkeys/options')).body
    const add = (who: Browser, response: unknown) => who.post('/session/passkeys', { name: 'key', response })
    expect(await add(bo, key.create(options))).toMatchObject({ status: 400, body: { code: 'PASSKEY_REFUSED' } })
    expect(await add(browser, key.create(options, { userVerified: false }))).toMatchObject({ status: 400 })
    expect(await add(browser, key.create(options, { origin: 'https://evil.example' }))).toMatchObject({ status: 400 })
    const added = await add(browser, key.create(options))
    expect(added.status).toBe(200)
    expect(await add(browser, key.create((await browser.post('/session/passkeys/options')).body))).toMatchObject({ status: 400 })
    expect(await bo.post('/session/passkeys/remove', { id: added.body['id'] })).toMatchObject({ status: 404 })
    await desk.clock.advance(15 * minute)
    for (const path of ['passkeys/options', 'totp', 'totp/remove'])
      expect(await browser.post(`/session/${path}`)).toMatchObject({ status: 403, body: { code: 'SIGN_IN_AGAIN' } })
  })
})

describeOnOneEngine('a passkey', (openStore) => {
  it('is refused with an attestation that nobody asked for, before anything of it is looked at', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const key = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' })
    const options = (await browser.post('/session/passkeys/options')).body
    const made = (format: string, statement = new Map<string, unknown>()) => key.create(options, { attestation: { format, statement } })
    const add = (response: unknown) => browser.post('/session/passkeys', { name: 'key', response })
    const signed = new Map<string, unknown>([['x5c', Buffer.from('certificates, which name places in the network')]])
    const judged = (...how: Parameters<typeof made>) => isUnattested(made(...how).response.attestationObject)
    for (const format of ['packed', 'tpm', 'android-key', 'android-safetynet', 'apple', 'fido-u2f', 'unknown']) {
      expect([format, judged(format, signed)]).toEqual([format, false])
      expect(await add(made(format, signed))).toMatchObject({ status: 400, body: { code: 'PASSKEY_REFUSED' } })
    }
    expect([judged('none'), judged('packed')]).toEqual([true, true])
    for (const coded of ['', 'AAAA', 'oA', '____']) expect(isUnattested(coded)).toBe(false)
    expect((await add(made('none'))).status).toBe(200)
  })

  it('says whose it is, as nobody was named', async () => {
    const desk = await openDesk(openStore)
    const { key } = await withPasskey(desk)
    const browser = openBrowser(desk)
    const enter = async (options: object) =>
      browser.post('/session/passkey/enter', { response: key.get(await optionsIn(browser), options) })
    expect(await enter({ withoutHandle: true })).toMatchObject(refused)
    expect((await enter({})).status).toBe(200)
  })
})

describeOnEachEngine('the session of a person', (openStore) => {
  it('is made at the sign-in, whatever was there before, which is over then', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const first = browser.cookies.get(sessionCookie) ?? 'none'
    await desk.clock.advance(minute)
    await byMail(desk, browser)
    const second = browser.cookies.get(sessionCookie)
    expect(second).not.toBe(first)
    const stale = openBrowser(desk)
    stale.cookies.set(sessionCookie, first)
    expect(await isIn(stale)).toBe(false)
    // What somebody planted becomes nobody's session.
    const planted = openBrowser(desk)
    planted.cookies.set(sessionCookie, 'A'.repeat(43))
    await desk.clock.advance(minute)
    await byMail(desk, planted)
    expect(planted.cookies.get(sessionCookie)).not.toBe('A'.repeat(43))
    expect(await isIn(planted)).toBe(true)
  })

  it('is over when it is idle, and when it is old', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const idle = openBrowser(desk)
    idle.cookies.set(sessionCookie, browser.cookies.get(sessionCookie) ?? '')
    for (let hours = 0; hours < 161; hours += 7) {
      await desk.clock.advance(7 * 60 * minute)
      expect(await isIn(browser)).toBe(true)
    }
    await desk.clock.advance(7 * 60 * minute)
    expect(await isIn(browser)).toBe(false)
    const another = openBrowser(desk)
    await byMail(desk, another)
    await desk.clock.advance(8 * 60 * minute)
    expect(await isIn(another)).toBe(false)
  })

  it('ends when its person says so, there or everywhere', async () => {
    const desk = await openDesk(openStore)
    const one = await signedIn(desk, desk.ours.accountId)
    const [two, three] = [openBrowser(desk), openBrowser(desk)]
    await byMail(desk, two)
    await desk.clock.advance(minute)
    await byMail(desk, three)
    const copy = openBrowser(desk)
    copy.cookies.set(sessionCookie, one.cookies.get(sessionCookie) ?? '')
    expect((await one.post('/session/end')).body).toEqual({ signed_in: false })
    expect(one.cookies.has(sessionCookie)).toBe(false)
    expect(await isIn(copy)).toBe(false)
    expect(await isIn(two)).toBe(true)
    await two.post('/session/end', { everywhere: true })
    expect(await isIn(three)).toBe(false)
  })

  it('ends with whatever is done about the person on the host', async () => {
    const desk = await openDesk(openStore)
    const { accountId } = desk.ours
    const browser = await signedIn(desk, accountId)
    await setRole(desk, accountId, ann, 'operator')
    expect(await isIn(browser)).toBe(false)
    const { key, browser: again } = await (async () => {
      await removePerson(desk, accountId, ann)
      return withPasskey(desk)
    })()
    const waiting = openBrowser(desk)
    await waiting.ask(ann)
    const recovered = await recoverPerson(desk, accountId, ann)
    if (!recovered.ok) throw new Error(recovered.code)
    expect(await isIn(again)).toBe(false)
    expect(await waiting.post('/session/enter', { code: await mailedCode(desk, ann) })).toMatchObject(refused)
    expect(await waiting.post('/session/passkey/enter', { response: key.get(await optionsIn(waiting)) })).toMatchObject(refused)
    expect((await waiting.post('/session/enter', { code: recovered.value.code })).status).toBe(200)
    await removePerson(desk, accountId, ann)
    expect(await isIn(waiting)).toBe(false)
    expect(await waiting.get('/session/pending')).toMatchObject({ status: 403, body: { code: 'NOT_SIGNED_IN' } })
    await waiting.ask(ann)
    expect(await lettersTo(desk, ann)).toHaveLength(1)
    expect(await setRole(desk, desk.theirs.accountId, ann, 'operator')).toMatchObject({ ok: false })
    for (const action of ['person.role_changed', 'person.removed', 'person.recovered']) expect(await actionsOf(desk)).toContain(action)
  })

  it('changes nothing any more once it has ended, though it was looked at before', async () => {
    const desk = await openDesk(openStore)
    const { browser, key, id } = await withPasskey(desk)
    const who = await desk.people.who(browser.cookies.get(sessionCookie))
    if (who === null) throw new Error('nobody')
    const begun = await desk.people.newTotp(who)
    const secret = begun.ok ? fromBase32(begun.value.secret) : Buffer.alloc(0)
    const options = (await browser.post('/session/passkeys/options')).body
    const another = createAuthenticator({ origin: deskOrigin, rpId: 'mail.ours.test' })
    const response = { ...another.create(options), clientExtensionResults: {} } as never
    expect((await recoverPerson(desk, desk.ours.accountId, ann)).ok).toBe(true)
    const answers = [
      await desk.people.addPasskey(who, { name: 'theirs', response }),
      await desk.people.removePasskey(who, id as never),
      await desk.people.confirmTotp(who, hotp(secret, totpStep(desk.clock.now()))),
      await desk.people.newTotp(who),
      await desk.people.removeTotp(who),
    ]
    for (const answer of answers) expect(answer).toMatchObject({ ok: false, code: 'NOT_SIGNED_IN' })
    expect(await desk.store.db.selectFrom('passkeys').select('id').execute()).toEqual([])
    const person = await desk.store.db.selectFrom('people').selectAll().executeTakeFirstOrThrow()
    expect([person.totp_secret, person.totp_new_secret]).toEqual([null, null])
    expect(await openBrowser(desk).post('/session/passkey/enter', { response: key.get(await optionsIn(browser)) })).toMatchObject(refused)
  })

  it('ends with its account', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    await desk.store.db.updateTable('accounts').set({ deleted_at: desk.clock.now() }).where('id', '=', desk.ours.accountId).execute()
    expect(await isIn(browser)).toBe(false)
    await browser.ask(ann)
    expect(await lettersTo(desk, ann)).toEqual([])
  })

  it('does nothing for a page of somebody else', async () => {
    const desk = await openDesk(openStore)
    const browser = await signedIn(desk, desk.ours.accountId)
    const no = { status: 403, body: { code: 'ORIGIN_NOT_ALLOWED' } }
    for (const headers of [
      {},
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' },
    ])
      for (const path of ['end', 'decide', 'code', 'enter', 'passkeys/options'])
        expect([path, headers, await browser.post(`/session/${path}`, {}, headers)]).toMatchObject([path, headers, no])
    expect(await isIn(browser)).toBe(true)
    // A form has no JSON.
    const form = { origin: deskOrigin, 'content-type': 'text/plain' }
    expect((await browser.post('/session/end', '{}', form)).status).toBe(415)
    expect((await browser.get('/session/me', { 'sec-fetch-site': 'cross-site' })).body['signed_in']).toBe(false)
    expect((await browser.post('/session/end', {}, { 'sec-fetch-site': 'same-origin' })).status).toBe(200)
  })

  it('looks at nobody’s input before it knows that they have signed in', async () => {
    const browser = openBrowser(await openDesk(openStore))
    const forAnybody = ['code', 'enter', 'passkey/options', 'passkey/enter'].map((path) => `/session/${path}`)
    const codes = new Set<unknown>()
    for (const path of peoplePaths.filter((one) => !forAnybody.includes(one))) {
      const { status, body } = await browser.post(path, { nothing: 'asks for this' })
      // Those that are only looked at take no POST.
      if (status !== 404) codes.add(body['code'])
    }
    expect([...codes]).toEqual(['NOT_SIGNED_IN'])
  })

  it('has a page that runs nothing but its own, in no frame', async () => {
    const desk = await openDesk(openStore)
    const page = await fetch(`${desk.url}/session`)
    expect([page.status, page.headers.get('content-type'), page.headers.get('cache-control')]).toEqual([
      200,
      'text/html; charset=utf-8',
      'no-store',
    ])
    const policy = page.headers.get('content-security-policy')
    for (const part of ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"])
      expect(policy).toContain(part)
    expect(await page.text()).not.toMatch(/<script(?! type="module" src="\/session\/page\.js")| on\w+=/)
    expect((await fetch(`${desk.url}/session/page.js`)).headers.get('content-type')).toContain('text/javascript')
  })
})
