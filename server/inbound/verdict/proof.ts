/** Who is proved to be the author. */
import { domainOf } from '../../model/address.ts'
import type { AuthenticationResults } from '../../model/verdict.ts'
import type { MessageFacts } from './message-facts.ts'

/** The domain that was judged is proved to have sent it: by DMARC, or because the very domain passed SPF or signed. That is aligned in strict
 *  and in relaxed mode, so no DMARC record could say otherwise. */
export const isVouchedFor = (results: AuthenticationResults): boolean => results.dmarc.result === 'pass' || passesUnderAnyPolicy(results)

function passesUnderAnyPolicy({ spf, dkim, dmarc }: AuthenticationResults): boolean {
  if (dmarc.domain === null) return false
  return (spf.result === 'pass' && spf.domain === dmarc.domain) || dkim.some((one) => one.result === 'pass' && one.domain === dmarc.domain)
}

/** The author that is shown is one whose domain is vouched for. */
export const isProven = (facts: MessageFacts): boolean =>
  facts.authentication.author === 'one' && facts.shownAuthor !== null && !isAmbiguous(facts) && isVouchedFor(facts.authentication.results)

/** DMARC judged one reading of From, or found no author, and agents are shown another: the readers are two programs. Then the verdict is worth
 *  nothing. */
export const isAmbiguous = ({ authentication, shownAuthor }: Pick<MessageFacts, 'authentication' | 'shownAuthor'>): boolean =>
  shownAuthor !== null && authentication.results.dmarc.domain !== domainOf(shownAuthor)

/** The policy asks for nothing. */
export const leftAlone = (policy: AuthenticationResults['dmarc']['policy']): boolean => policy === null || policy === 'none'

/** The results when the client's address is not its own: SPF then proves and disproves nothing, and DMARC passes by a signature alone. */
export function withoutAddress(results: AuthenticationResults): AuthenticationResults {
  const signed = results.dkim.some(({ result, aligned }) => result === 'pass' && aligned)
  const { dmarc } = results
  return {
    ...results,
    spf: { result: 'none', domain: null },
    dmarc: dmarc.result === 'pass' && !signed ? { ...dmarc, result: 'fail' } : dmarc,
  }
}
