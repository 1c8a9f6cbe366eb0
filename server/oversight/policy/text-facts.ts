/** What a policy asks about of what an email says. Pure, and linear in the text. */
import type { MailFacts } from '../../model/policy.ts'

export const textFacts = (subject: string, markdown: string): Pick<MailFacts, 'hasLinks' | 'largestAmount'> => ({
  hasLinks: /https?:\/\/|mailto:|(?<![A-Za-z0-9])www\./i.test(markdown),
  largestAmount: largestAmount(`${subject}\n${markdown}`.normalize('NFKC')),
})

const currency =
  '(?:[$€£¥₹₽₩]|(?:EUR|USD|GBP|CHF|JPY|CNY|INR|SEK|NOK|DKK|PLN|CZK|CAD|AUD|NZD|BRL|euros?|dollars?|pounds?|francs?|yen)(?![A-Za-z]))'
const number = `(\\d[\\d.,' ]{0,24})`
const times = '(?:\\s?(k|thousand|tsd|m|mio|million|millions|mrd|bn|billion|billions)(?![A-Za-z]))?'
const before = new RegExp(`${currency}\\s{0,2}${number}${times}`, 'gi')
const behind = new RegExp(`(?<![\\d.,'])${number}${times}\\s{0,2}${currency}`, 'gi')

/** The largest amount of money, whatever the currency; null when none is named. Where a sign may part thousands or a fraction it parts thousands, so that
 *  no way of writing makes an amount smaller. */
function largestAmount(text: string): number | null {
  let largest: number | null = null
  for (const pattern of [before, behind])
    for (const match of text.matchAll(pattern)) {
      const amount = valueOf(match[1] ?? '') * (factors[(match[2] ?? '').toLowerCase()] ?? 1)
      if (largest === null || amount > largest) largest = amount
    }
  return largest
}

const factors: Readonly<Record<string, number>> = {
  k: 1e3,
  thousand: 1e3,
  tsd: 1e3,
  m: 1e6,
  mio: 1e6,
  million: 1e6,
  millions: 1e6,
  mrd: 1e9,
  bn: 1e9,
  billion: 1e9,
  billions: 1e9,
}

/** One or two digits behind the last sign are a fraction. */
function valueOf(written: string): number {
  const plain = written.replace(/[.,' ]+$/, '')
  const fraction = /[.,](\d{1,2})$/.exec(plain)
  const whole = fraction === null ? plain : plain.slice(0, fraction.index)
  return Number(`${whole.replaceAll(/\D/g, '')}.${fraction?.[1] ?? '0'}`)
}
