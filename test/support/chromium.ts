/** Debian's Chromium, driven over its own protocol: a person at the page, with an authenticator, on a desk or on a telephone. */
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { peerPath } from './peers.ts'

export type PersonAtPage = {
  page: Page
  /** What went wrong in it: errors, what its policy refused, dialogs, and requests to anybody but this server. */
  troubles: readonly string[]
  /** What an expression is in the page. Not by Playwright's evaluate(), which the policy of the pages refuses as it would anybody's. */
  ask(expression: string): Promise<unknown>
}

export const startChromium = (): Promise<Browser> =>
  // Tests run as root in CI, where Chromium has no sandbox; it sees nothing but our own pages.
  chromium.launch({ executablePath: peerPath('chromium'), args: ['--no-sandbox', '--disable-quic'] })

/** A window of its own: nobody else's cookies. With an authenticator built in, whose owner is there. @param origin of the server */
export async function openWindow(browser: Browser, origin: string, options: BrowserContextOptions = {}): Promise<PersonAtPage> {
  const context = await browser.newContext({ ...options, baseURL: origin })
  onTestFinished(() => context.close())
  const page = await context.newPage()
  const troubles: string[] = []
  const note = (kind: string, what: string): void => void troubles.push(`${kind}: ${what}`)
  page.on('pageerror', (error) => note('error', error.message))
  page.on('console', (message) => message.type() === 'error' && !isAnswer(message.text()) && note('console', message.text()))
  page.on('dialog', (dialog) => {
    note('dialog', dialog.message())
    void dialog.dismiss()
  })
  page.on('request', (request) => new URL(request.url()).origin === origin || note('request', request.url()))
  await page.exposeFunction('refused', (what: string) => note('policy', what))
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (event) => refused(event.violatedDirective + ' ' + event.blockedURI))",
  )
  const session = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  const ask = async (expression: string): Promise<unknown> =>
    (await session.send('Runtime.evaluate', { expression, returnByValue: true })).result.value
  return { page, troubles, ask }
}

/** Chromium writes down each answer of 4xx, which a page that is refused something shows in words. */
const isAnswer = (text: string): boolean => text.startsWith('Failed to load resource: the server responded with a status of 4')
