import type { DnsAnswer, Records, Resolver } from './answer.ts'
import { isPossibleName, plainName } from './asked-name.ts'

const rrTypes = ['A', 'AAAA', 'MX', 'TXT', 'PTR', 'CNAME'] as const
type MailauthType = (typeof rrTypes)[number]

/** The resolver as mailauth wants one: shapes of `dns.promises.resolve`, and its error codes. */
export const forMailauth =
  (resolver: Resolver) =>
  async (domain: string, rrtype: string): Promise<Records[MailauthType][]> => {
    const wanted = rrtype.toUpperCase()
    const type = rrTypes.find((one) => one === wanted)
    if (type === undefined) throw dnsError('ENOTIMP', domain, rrtype)
    const answer = await resolver.raw(domain, type)
    if (answer.kind === 'found') return answer.value
    throw dnsError(errorCode(answer, domain), domain, rrtype)
  }

function errorCode(answer: Exclude<DnsAnswer<never>, { kind: 'found' }>, domain: string): string {
  if (answer.kind === 'failed') return answer.reason
  if (answer.kind === 'no-data') return 'ENODATA'
  return isPossibleName(plainName(domain)) ? 'ENOTFOUND' : 'EBADNAME'
}

const dnsError = (code: string, hostname: string, rrtype: string): Error =>
  Object.assign(new Error(`query${rrtype} ${code} ${hostname}`), { code, hostname, syscall: `query${rrtype}` })
