import { describe, expect, it } from 'vitest'
import { asSent } from '../../server/outbound/as-sent.ts'

const message = (html: string): Buffer => Buffer.from(`Subject: Hi\r\nContent-Type: text/html; charset=utf-8\r\n\r\n${html}\r\n`)
const link = (text: string): string => `<p><a href="https://shop.test/x">${text}</a></p>\n`

describe('the links of a message', () => {
  it.each([
    ['shop.test/y', false],
    ['www.shop.test', false],
    ['our shop', false],
    ['Read on.', false],
    ['Well...', false],
    ['bank.test', true],
    ['https://bank.test/ or so', true],
    [`bank.test/${'a'.repeat(5000)}`, true],
  ])('say otherwise or not: %s', async (text, saysOtherwise) => {
    expect((await asSent(message(link(text)))).links).toEqual([{ url: 'https://shop.test/x', text, saysOtherwise }])
  })

  it('are read up to a number, and it says so', async () => {
    expect(await asSent(message(link('a').repeat(200)))).toMatchObject({ isCut: false, links: { length: 200 } })
    expect(await asSent(message(link('a').repeat(201)))).toMatchObject({ isCut: true, links: { length: 200 } })
  })

  it.each([`${'.'.repeat(400_000)} `, 'a.'.repeat(200_000) + ' b', ' '.repeat(400_000)])(
    'cost no more than they are long',
    async (text) => {
      const bytes = message(link(`${text}x`))
      const begun = process.cpuUsage()
      await asSent(bytes)
      const { user, system } = process.cpuUsage(begun)
      // A search that begins anew at each character takes minutes.
      expect((user + system) / 1000).toBeLessThan(10_000)
    },
  )
})
