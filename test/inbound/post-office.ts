import { onTestFinished } from 'vitest'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import type { Conduct } from '../../server/inbound/conduct/conduct.ts'
import { createClientLookup } from '../../server/inbound/verdict/client-lookup.ts'
import { createExaminer } from '../../server/inbound/examine/examine.ts'
import { type FactsDeps, createFactFinder } from '../../server/inbound/verdict/facts.ts'
import { createListener } from '../../server/inbound/listener.ts'
import type { Workers } from '../../server/inbound/examine/workers.ts'
import { type Patience, createPatience } from '../../server/inbound/verdict/patience.ts'
import { createRates } from '../../server/inbound/verdict/rates.ts'
import { createReceiver } from '../../server/inbound/receive.ts'
import type { ReadIdentity } from '../../server/model/sender-identity.ts'
import type { SignedAddresses } from '../../server/inbound/recipients.ts'
import { notScanned } from '../../server/inbound/scanners/scanner.ts'
import type { Address } from '../../server/model/address.ts'
import { formatReply } from '../../server/model/reply.ts'
import { headerFields, splitMessage } from '../../server/model/headers.ts'
import { onComplaint, onDsn } from '../../server/outbound/feedback.ts'
import { onUnsubscribe } from '../../server/outbound/unsubscribe/unsubscribe.ts'
import { newId } from '../../server/model/ids.ts'
import type { OversightMode } from '../../server/model/email.ts'
import type { Clock } from '../../server/platform/clock.ts'
import { systemClock } from '../../server/platform/clock.ts'
import { type Log, silentLog } from '../../server/platform/log.ts'
import { insertAccount } from '../../server/store/accounts.ts'
import type { Store } from '../../server/store/db.ts'
import { insertDomain } from '../../server/store/domains.ts'
import { asMade, insertMailbox } from '../../server/store/mailboxes.ts'
import type { Row } from '../../server/store/schema.ts'
import { makeCertificate } from '../support/certificate.ts'
import { openDoor } from '../support/open-door.ts'
import { createRemoteSender } from '../support/remote-sender.ts'
import { type Mail, type SmtpClient, connectSmtp } from '../support/smtp-client.ts'

const hostname = 'mx.ours.test'
export const maxMessageBytes = 3 * 1024 * 1024
export const tls = await makeCertificate(hostname)

/** Our side: a listener in front of a store that has `ours.test` with the mailboxes ann, bea (gated_all) and closed (inactive). */
export type PostOffice = {
  port: number
  zone: Zone
  connect(): Promise<SmtpClient>
  /** One message over a connection of its own. @returns the last reply */
  send(mail: Partial<Mail> & Pick<Mail, 'data'>): Promise<string>
  /** One message to ann, as if it had come over a connection from somewhere else. @returns the last reply */
  hand(data: string | Buffer, from?: { ip?: string; helo?: string; reversePath?: string | null }): Promise<string>
  /** Every email stored, oldest first. */
  emails(): Promise<Row<'emails'>[]>
  /** What is stored of an email, byte for byte. */
  raw(email: Row<'emails'>): Promise<Buffer>
  close(): Promise<void>
}

export type PostOfficeOptions = {
  workers: Workers
  zone?: Zone
  clock?: Clock
  log?: Log
  conduct?: Conduct
  facts?: Partial<FactsDeps>
  patience?: Patience
  signed?: SignedAddresses
  readIdentity?: ReadIdentity
}

/** Closed when the test ends. */
export async function openPostOffice(store: Store, options: PostOfficeOptions): Promise<PostOffice> {
  const { workers, zone = createRemoteSender().zone, clock = systemClock, log = silentLog, conduct = openDoor(), facts = {} } = options
  await furnish(store)
  const config = { hostname, smtp: { host: '127.0.0.1', port: 0, maxMessageBytes, maxRecipients: 5, maxConnections: 100, proxies: [] } }
  const resolver = createZoneResolver(zone)
  const examine = createExaminer({ workers, hostname, resolver, clock })
  const findFacts = createFactFinder({
    store,
    hostname,
    judgesByIp: conduct.judgesByIp,
    lookUpClient: createClientLookup({ resolver, blocklists: [], clock, log }),
    scan: () => Promise.resolve(notScanned),
    rates: createRates(clock),
    senderLimit: null,
    trustedSealers: [],
    ...facts,
  })
  const patience = options.patience ?? createPatience(clock)
  const { receive, load } = createReceiver({
    hostname,
    holdExpiryMs: 1_000_000,
    store,
    workers,
    examine,
    findFacts,
    patience,
    handOn: { onDsn, onComplaint, onUnsubscribe },
    readIdentity: options.readIdentity ?? (() => Promise.resolve(null)),
    clock,
  })
  const listener = createListener({ config, ...options.signed, store, receive, load, conduct, tls, clock, log })
  const { port } = await listener.listen()
  const clients: SmtpClient[] = []
  const close = async (): Promise<void> => {
    for (const client of clients) client.close()
    patience.end()
    await listener.close()
  }
  onTestFinished(close)
  const office: PostOffice = {
    port,
    zone,
    close,
    async connect() {
      const client = await connectSmtp(port)
      clients.push(client)
      return client
    },
    async send(mail) {
      const client = await office.connect()
      const reply = await client.send({ to: 'ann@ours.test', ...mail })
      client.close()
      return reply
    },
    async hand(data, { ip = '203.0.113.7', helo = 'out.remote.test', reversePath = 'bo@remote.test' } = {}) {
      const forwardPath = 'ann@ours.test' as Address
      const { id: mailboxId } = await store.db
        .selectFrom('mailboxes')
        .select('id')
        .where('address', '=', forwardPath)
        .executeTakeFirstOrThrow()
      const reply = await receive({
        client: { ip, helo, protocol: 'ESMTP', cipher: null },
        reversePath: reversePath as Address | null,
        recipients: [{ forwardPath, mailboxId, via: 'mailbox' }],
        requireTls: false,
        bytes: Buffer.from(data),
        log,
      })
      return formatReply(reply)
    },
    emails: () => store.db.selectFrom('emails').selectAll().orderBy('id').execute(),
    async raw(email) {
      return (await store.blobs.read(store.db, email.raw_hash ?? '')) ?? Buffer.alloc(0)
    },
  }
  return office
}

/** The message without the two fields we put in front: what came over the wire. */
export function asReceived(raw: Buffer): Buffer {
  const [received, results] = headerFields(splitMessage(raw).header)
  return raw.subarray((received?.raw.length ?? 0) + (results?.raw.length ?? 0))
}

/** The value of a field of ours, unfolded. */
export const ourField = (raw: Buffer, name: string): string =>
  headerFields(splitMessage(raw).header)
    .find((field) => field.name === name)
    ?.raw.toString()
    .replace(/\r\n[ \t]/g, ' ')
    .trim() ?? ''

export async function furnish(store: Store): Promise<void> {
  const now = systemClock.now()
  const account_id = newId('account', now)
  const domain_id = newId('domain', now)
  const add = (local: string, more: Partial<Row<'mailboxes'>> = {}): Row<'mailboxes'> => ({
    id: newId('mailbox', now),
    account_id,
    world: 'live',
    domain_id,
    address: `${local}@ours.test`,
    display_name: null,
    oversight_mode: 'gated_send' satisfies OversightMode,
    ...asMade,
    created_at: now,
    ...more,
  })
  await store.transaction(async (tx) => {
    await insertAccount(tx, { id: account_id, name: 'Ours', slug: 'ours', created_at: now })
    await insertDomain(tx, { id: domain_id, account_id, name: 'ours.test', created_at: now })
    await insertMailbox(tx, add('ann'))
    await insertMailbox(tx, add('bea', { oversight_mode: 'gated_all' }))
    await insertMailbox(tx, add('closed', { is_active: 0 }))
    await insertMailbox(tx, add('try', { world: 'test' }))
  })
}
