/**
 * Numbers by which a state knows a person. Only those that say by their form what they are: a number of the United States Social Security
 * (20 CFR 422.103, in its groups), a British National Insurance number (HMRC NIM39110), and a French one of the NIR (with its key).
 */
import { masked } from './masked.ts'
import type { Hit } from './hit.ts'

const american = /(?<![\dA-Za-z-])(?!000|666|9)\d{3}([- ])(?!00)\d{2}\1(?!0000)\d{4}(?![\dA-Za-z-])/g
const british = /(?<![A-Za-z0-9])(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z] ?\d{2} ?\d{2} ?\d{2} ?[A-D](?![A-Za-z0-9])/g
const french = /(?<![\dA-Za-z])[12] ?\d{2} ?(?:0[1-9]|1[0-2]) ?(?:\d{2}|2[AB]) ?\d{3} ?\d{3} ?\d{2}(?![\dA-Za-z])/g

export function* personalNumbers(text: string): Generator<Hit> {
  for (const pattern of [american, british])
    for (const match of text.matchAll(pattern)) yield { kind: 'personal_number', at: match.index, excerpt: masked(match[0], 2, 2) }
  for (const match of text.matchAll(french))
    if (hasKey(match[0].replaceAll(' ', ''))) yield { kind: 'personal_number', at: match.index, excerpt: masked(match[0], 2, 2) }
}

/** The key is 97 less what is over when the number is divided by 97; 2A and 2B, of Corsica, count as 19 and 18. */
function hasKey(number: string): boolean {
  const value = BigInt(number.slice(0, 13).replace('2A', '19').replace('2B', '18'))
  return 97n - (value % 97n) === BigInt(number.slice(13))
}
