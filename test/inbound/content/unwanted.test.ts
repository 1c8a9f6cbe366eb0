import { describe, expect, it } from 'vitest'
import { scanLetter } from '../../support/scan-letter.ts'

describe('a letter that wants something', () => {
  it.each<[string, string, string[]]>([
    ['a password', 'Your account has been suspended. Verify your identity.', ['credential-request']],
    ['haste', 'This is urgent.', ['urgency']],
    ['a transfer', 'Our bank details have changed, please wire it to the new bank account.', ['payment-request']],
    ['gift cards', 'Please buy five gift cards.', ['gift-card']],
    ['a favour', 'Are you available? I need a favor urgently.', ['errand', 'urgency']],
    ['a fortune to be shared', 'You are the beneficiary of 7 million dollars.', ['advance-fee']],
    ['a ransom', 'I hacked you with malware and the camera recorded you.', ['extortion']],
    ['to sell medicine', 'Viagra without prescription.', ['spam-medicine']],
    ['to sell profits', 'Guaranteed profit with bitcoin.', ['spam-money']],
    ['to sell games', 'Free spins in our casino.', ['spam-gambling']],
    ['to sell ranking', 'SEO and backlinks for the first page of Google.', ['spam-marketing']],
    ['to sell company', 'Lonely singles, join free.', ['spam-dating']],
    ['to sell copies', 'Replica watches: Rolex.', ['spam-goods']],
  ])('%s', (_what, plain, codes) => {
    expect(scanLetter({ plain }).codes).toEqual(codes)
  })

  it('weighs more with every sign of its trade', () => {
    expect(scanLetter({ plain: 'Viagra.' }).score).toBe(2)
    expect(scanLetter({ plain: 'Viagra and Cialis.' }).score).toBe(4)
    expect(scanLetter({ plain: 'Viagra, Cialis, Xanax, Tramadol and Levitra.' }).score).toBe(6)
  })
})

describe('a letter that looks', () => {
  const picture = '<img src="https://a.test/i.png">'
  it.each<[string, Parameters<typeof scanLetter>[0], string[]]>([
    ['loud', { subject: 'LAST CHANCE TO SAVE', plain: 'a' }, ['shouting-subject']],
    ['short and loud', { subject: 'FYI', plain: 'a' }, []],
    ['excited', { subject: 'Only today!!', plain: 'a' }, ['exclamations']],
    ['random', { subject: 'Only today kx82q9v1z7', plain: 'a' }, ['random-token']],
    ['like an order', { subject: 'Order ab12345678', plain: 'a' }, []],
    ['like a picture', { html: picture }, ['image-only']],
    ['like a picture with a text', { html: `${picture}<p>Here is the picture of our cat that you wanted.</p>` }, []],
    ['like a lot of nothing', { html: `<p>Hello</p>${'<table><tr><td></td></tr></table>'.repeat(800)}` }, ['little-text']],
  ])('%s', (_what, letter, codes) => {
    expect(scanLetter(letter).codes).toEqual(codes)
  })
})
