/** International bank account numbers (ISO 13616-1): a country, two check digits, and as many characters as that country has. */
import { masked } from './masked.ts'
import type { Hit } from './hit.ts'

/** The length of an IBAN by country, from the registry of SWIFT. */
const lengthOf: Readonly<Record<string, number>> = Object.fromEntries(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BI27 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DJ27 DK18 DO28 EE20 EG29 ES24 FI18 FK18 FO18 FR27 GB22 GE22 GI23 GL18 ' +
    'GR27 GT28 HN28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MN20 MR27 MT31 MU30 NI28 NL18 NO15 ' +
    'OM23 PK24 PL28 PS29 PT25 QA29 RO24 RS22 RU33 SA24 SC31 SD18 SE24 SI19 SK24 SM27 SO23 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 YE30'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))]),
)

const begins = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}/g
const alphanumeric = /^[A-Z0-9]$/
const between = /^[ .-]$/

export function* bankAccounts(text: string): Generator<Hit> {
  for (const match of text.matchAll(begins)) {
    const length = lengthOf[match[0].slice(0, 2).toUpperCase()]
    if (length === undefined) continue
    const account = characters(text, match.index, length)
    if (account !== null && isValid(account)) yield { kind: 'bank_account', at: match.index, excerpt: masked(account) }
  }
}

/** So many letters and digits, with at most one character between two; null when there are fewer, or the word goes on. */
function characters(text: string, from: number, length: number): string | null {
  let found = ''
  let isBetween = false
  for (let at = from; at < text.length; at += 1) {
    const one = (text[at] ?? '').toUpperCase()
    if (alphanumeric.test(one)) {
      if (found.length === length) return isBetween ? found : null
      found += one
      isBetween = false
    } else if (between.test(one) && !isBetween && found.length < length) isBetween = true
    else break
  }
  return found.length === length ? found : null
}

/** ISO 7064, MOD 97-10: with the first four characters at the end and letters as 10 to 35. */
function isValid(account: string): boolean {
  let rest = 0
  for (const one of account.slice(4) + account.slice(0, 4)) {
    const value = Number.parseInt(one, 36)
    rest = (rest * (value > 9 ? 100 : 10) + value) % 97
  }
  return rest === 1
}
