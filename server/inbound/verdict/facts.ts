/**
 * Looks up what a verdict needs to know besides the message itself: the names of the client's address, what the mailboxes know of the author,
 * how much has come lately. Nothing is decided here.
 */
import type { DomainName } from '../../../dns/name.ts'
import { type Address, domainOf } from '../../model/address.ts'
import { splitMessage } from '../../model/headers.ts'
import type { MailboxId } from '../../model/ids.ts'
import type { Store } from '../../store/db.ts'
import { hasWrittenTo, noCorrespondence } from '../../store/correspondents.ts'
import { type ClientNames, type LookUpClient, unknownClient } from './client-lookup.ts'
import { networkOf } from '../conduct/prefixes.ts'
import type { Examination } from '../examine/examine.ts'
import { findMailboxFacts } from './mailbox-facts.ts'
import type { MessageFlag } from '../message/parsed-message.ts'
import type { Rates } from './rates.ts'
import type { Scan } from '../scanners/scanner.ts'
import type { Arrival } from '../arrival.ts'
import type { Recipient } from '../recipients.ts'
import { authenticDomains, detourOf } from './detour.ts'
import { heloKind } from './helo.ts'
import type { Authentication, Detour, MailboxFacts, MessageFacts } from './message-facts.ts'
import { isVouchedFor, leftAlone, withoutAddress } from './proof.ts'

export type FactsDeps = {
  store: Store
  hostname: string
  /** whether the address of a client is evidence of anything */
  judgesByIp: (ip: string) => boolean
  /** asked for strangers only */
  lookUpClient: LookUpClient
  /** other programs that look at it; never rejects */
  scan: Scan
  rates: Rates
  /** messages in an hour of one sender that nobody vouches for to one mailbox; null: as many as it likes */
  senderLimit: number | null
  /** whose ARC chains are believed */
  trustedSealers: readonly DomainName[]
}

/** Of an arrival as much as a verdict needs. */
export type ToJudge = Pick<Arrival, 'client' | 'reversePath' | 'bytes'> & {
  recipients: readonly Pick<Recipient, 'mailboxId' | 'forwardPath'>[]
}

export type Facts = { examination: Examination; client: ClientNames; message: MessageFacts; ofMailbox(id: MailboxId): MailboxFacts }

/** @param examining is under way meanwhile. Null when it ends in nothing. */
export type FindFacts = (arriving: ToJudge, examining: Promise<Examination | null>) => Promise<Facts | null>

/** A sender somebody vouches for may send so many times as many: a busy tracker or a monitor is no flood. */
const vouchedForTimes = 40

export function createFactFinder(deps: FactsDeps): FindFacts {
  const { store, hostname } = deps
  return async (arriving, examining) => {
    const judgesByIp = deps.judgesByIp(arriving.client.ip)
    // A relay of our own network has no name that the world knows, and is on no list.
    const isStranger = judgesByIp && networkOf(arriving.client.ip)?.isPrivate === false
    const [examination, client, scan] = await Promise.all([
      examining,
      isStranger ? deps.lookUpClient(arriving.client.ip) : unknownClient,
      deps.scan({ ...arriving, forwardPaths: arriving.recipients.map(({ forwardPath }) => forwardPath) }),
    ])
    const mailboxIds = mailboxesOf(arriving)
    if (examination === null) return null
    const authentication = judgesByIp ? examination.authentication : hidingAddress(examination.authentication)
    const shownAuthor = (examination.parsed.from?.address ?? null) as Address | null
    const [ofMailboxes, detour] = await Promise.all([
      findMailboxFacts(store.db, mailboxIds, examination.parsed),
      findDetour(deps, arriving, authentication),
    ])
    return {
      examination: { ...examination, authentication },
      client,
      message: {
        authentication,
        shownAuthor,
        judgesByIp,
        client: { ...client, isStranger, helo: isStranger ? heloKind(arriving.client, hostname, client.names) : 'plausible' },
        detour,
        rate: rateOf(deps, arriving, authentication, judgesByIp),
        firstTime: [...ofMailboxes.values()].every(({ history }) => history.received + history.sent === 0),
        content: examination.content.reasons,
        examined: !examination.parsed.flags.some((flag) => unread.has(flag)),
        scan,
      },
      ofMailbox: (id) => ofMailboxes.get(id) ?? nothingKnown,
    }
  }
}

const mailboxesOf = ({ recipients }: ToJudge): MailboxId[] => [...new Set(recipients.map(({ mailboxId }) => mailboxId))]

const nothingKnown: MailboxFacts = { history: noCorrespondence, learned: null, conversation: [] }

/** Then of its content at most the subject and the names were looked at. */
const unread: ReadonlySet<MessageFlag> = new Set(['unparsable', 'parse-timeout', 'parse-failed'])

const hidingAddress = (authentication: Authentication): Authentication => ({
  ...authentication,
  results: withoutAddress(authentication.results),
  unsure: authentication.results.dkim.some(({ result }) => result === 'temperror'),
})

/** Only where it makes a difference: of most messages nobody needs to ask. */
async function findDetour(deps: FactsDeps, arriving: ToJudge, authentication: Authentication): Promise<Detour | null> {
  const { dmarc } = authentication.results
  if (dmarc.result !== 'fail' || leftAlone(dmarc.policy)) return null
  const known = await hasWrittenTo(deps.store.db, mailboxesOf(arriving), authenticDomains(authentication.results))
  return detourOf(authentication, { header: splitMessage(arriving.bytes).header, trustedSealers: deps.trustedSealers, known })
}

function rateOf(deps: FactsDeps, arriving: ToJudge, authentication: Authentication, judgesByIp: boolean): MessageFacts['rate'] {
  if (deps.senderLimit === null) return { lastHour: 0, limit: null }
  const sender = senderOf(arriving, authentication, judgesByIp)
  const counts = mailboxesOf(arriving).map((id) => deps.rates.count(sender, id))
  return { lastHour: Math.max(0, ...counts), limit: deps.senderLimit * (isVouchedFor(authentication.results) ? vouchedForTimes : 1) }
}

/** Counted is who is proved to have sent it, or else the address, of IPv6 the /64: whoever forges a name must not use up what its owner may send. */
function senderOf({ client, reversePath }: ToJudge, { results }: Authentication, judgesByIp: boolean): string {
  if (isVouchedFor(results) && results.dmarc.domain !== null) return results.dmarc.domain
  const [domain] = authenticDomains(results)
  if (domain !== undefined) return domain
  return judgesByIp ? (networkOf(client.ip)?.prefixes[0] ?? client.ip) : `? ${reversePath === null ? '' : domainOf(reversePath)}`
}
