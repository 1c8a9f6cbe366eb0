import { z } from 'zod'
import { type DomainFinding, verifiedParts } from '../identity/domains.ts'
import type { KeyActor } from '../model/actor.ts'
import { type DomainId, isId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { domainOfAccount, domainsOf } from '../store/domains.ts'
import type { Row } from '../store/schema.ts'
import { OperationError, unwrap } from './errors.ts'
import { type Call, operation } from './procedure.ts'
import { recordRead } from './record.ts'
import { isoOrNull, isoTime } from './views.ts'

const DomainRef = z.string().min(1).max(64).describe('Id of a domain, from list_domains, e.g. dom_01J…')

const Record = z.strictObject({
  type: z.string(),
  name: z.string(),
  value: z.string().nullable(),
  why: z.string().describe('What it is for'),
})
const Records = z.strictObject({ mx: z.array(Record), spf: z.array(Record), dkim: z.array(Record), dmarc: z.array(Record) })

const verdictShape = {
  id: z.string(),
  domain: z.string(),
  status: z.enum(['pending', 'active']).describe('pending: no mailbox can be made there until its DKIM records are seen in the DNS'),
  dkim_verified: z.boolean().describe('At the last look; so are the others'),
  spf_verified: z.boolean(),
  mx_verified: z.boolean(),
  dmarc_verified: z.boolean(),
  return_path_verified: z.boolean().describe('Bounces come back to an address at the domain itself: MX and SPF are both right'),
  findings: z
    .array(
      z.strictObject({
        type: z.string(),
        name: z.string(),
        state: z.enum(['ok', 'warning', 'wrong', 'missing', 'unknown']).describe('unknown: the DNS did not answer'),
      }),
    )
    .describe('What was seen at the last look, record by record; empty: nobody looked yet'),
  verified_at: z.string().nullable().describe('When its DKIM records were seen first; ISO 8601, UTC'),
}
const Verdict = z.strictObject(verdictShape)
export const Domain = z.strictObject({
  ...verdictShape,
  dns_records: Records.nullable().describe('What to publish in the zone of the domain; null in a list'),
  created_at: z.string().describe('ISO 8601, UTC'),
})

type DomainRow = Row<'domains'>

function verdictOf(row: DomainRow): z.infer<typeof Verdict> {
  const findings = row.findings_json === null ? [] : (JSON.parse(row.findings_json) as DomainFinding[])
  const { dkim, spf, mx, dmarc } = verifiedParts(findings)
  return {
    id: row.id,
    domain: row.name,
    status: row.is_pending === 1 ? 'pending' : 'active',
    dkim_verified: dkim,
    spf_verified: spf,
    mx_verified: mx,
    dmarc_verified: dmarc,
    return_path_verified: spf && mx,
    findings: findings.map(({ type, name, state }) => ({ type, name, state })),
    verified_at: isoOrNull(row.verified_at),
  }
}

export const listView = (row: DomainRow): z.infer<typeof Domain> => ({
  ...verdictOf(row),
  dns_records: null,
  created_at: isoTime(row.created_at),
})

async function wholeView(db: Db, { rooms }: Call, row: DomainRow): Promise<z.infer<typeof Domain>> {
  const wanted = await rooms.domains.records(db, row)
  const of = (which: string) =>
    wanted.filter(({ purpose }) => purpose === which).map(({ type, name, value, why }) => ({ type, name, value, why }))
  return { ...listView(row), dns_records: { mx: of('mx'), spf: of('spf'), dkim: of('dkim'), dmarc: of('dmarc') } }
}

/** A domain is not one mailbox's affair. */
function whole(actor: KeyActor): KeyActor {
  if (actor.mailboxIds !== null) throw new OperationError('KEY_BOUND')
  return actor
}

/** What the live mail of an account depends on is none of its test keys' affair. */
export function live(actor: KeyActor): KeyActor {
  if (actor.world !== 'live') throw new OperationError('LIVE_KEY_NEEDED')
  return whole(actor)
}

/** Domains are of the live world: to a test key there are none. */
function idFrom(actor: KeyActor, text: string): DomainId {
  if (!isId('domain', text) || whole(actor).world !== 'live') throw new OperationError('DOMAIN_NOT_FOUND')
  return text
}

export const list_domains = operation({
  scope: 'admin',
  title: 'List domains',
  description:
    'Lists the domains of the account, oldest first, and what the DNS said of each at the last look. get_domain has the records to publish.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: {} }],
  rest: ['GET /list_domains', 'GET /v1/domains'],
})
  .input(z.strictObject({}))
  .output(z.strictObject({ domains: z.array(Domain) }))
  .query(({ ctx }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const { accountId, world } = whole(ctx.actor)
      const view = { domains: world === 'live' ? (await domainsOf(tx, accountId)).map(listView) : [] }
      const metadata = { count: view.domains.length }
      await recordRead(tx, ctx, { action: 'domains.listed', resourceType: 'account', resourceId: accountId, view, metadata })
      return view
    }),
  )

export const get_domain = operation({
  scope: 'admin',
  title: 'Look at a domain',
  description:
    'Returns a domain of the account with the DNS records to publish for it, and what the DNS said at the last look. verify_domain looks again.',
  readOnly: true,
  destructive: false,
  idempotent: true,
  examples: [{ input: { domain_id: '{domain_id}' } }],
  rest: ['GET /get_domain', 'GET /v1/domains/{domain_id}'],
})
  .input(z.strictObject({ domain_id: DomainRef }))
  .output(Domain)
  .query(({ ctx, input }) =>
    ctx.rooms.store.transaction(async (tx) => {
      const row = await domainOfAccount(tx, ctx.actor.accountId, idFrom(ctx.actor, input.domain_id))
      if (row === undefined) throw new OperationError('DOMAIN_NOT_FOUND')
      const view = await wholeView(tx, ctx, row)
      await recordRead(tx, ctx, { action: 'domain.read', resourceType: 'domain', resourceId: row.id, view })
      return view
    }),
  )

export const add_domain = operation({
  scope: 'admin',
  title: 'Add a domain',
  description:
    'Adds a domain to the account and answers with the DNS records that whoever runs the domain has to publish. Then call verify_domain: until it has seen the DKIM records the domain is pending, and no mailbox can be made there.',
  readOnly: false,
  destructive: false,
  idempotent: false,
  examples: [{ input: { domain: 'shop.example' } }],
  rest: ['POST /add_domain', 'POST /v1/domains'],
})
  .input(z.strictObject({ domain: z.string().min(1).max(253).describe('Such as example.com') }))
  .output(Domain)
  .mutation(async ({ ctx, input }) =>
    wholeView(ctx.rooms.store.db, ctx, unwrap(await ctx.rooms.domains.add(live(ctx.actor), input.domain))),
  )

export const verify_domain = operation({
  scope: 'admin',
  title: 'Look up a domain in the DNS',
  description:
    'Looks up the records of a domain in the DNS and says which are right. Once its DKIM records are, the domain is active for good. A new record may take minutes to be seen.',
  readOnly: false,
  destructive: false,
  idempotent: true,
  examples: [{ input: { domain_id: '{domain_id}' } }],
  rest: ['POST /verify_domain', 'POST /v1/domains/{domain_id}/verify'],
})
  .input(z.strictObject({ domain_id: DomainRef }))
  .output(Verdict)
  .mutation(async ({ ctx, input }) => verdictOf(unwrap(await ctx.rooms.domains.verify(ctx.actor, idFrom(ctx.actor, input.domain_id)))))

export const delete_domain = operation({
  scope: 'admin',
  title: 'Delete a domain',
  description:
    'Takes a domain that was never used from the account, with its DKIM keys. One that has mailboxes or aliases, or had mailboxes, stays: no address is given out twice.',
  readOnly: false,
  destructive: true,
  idempotent: true,
  examples: [{ input: { domain_id: '{domain_id}' } }],
  rest: ['POST /delete_domain', 'DELETE /v1/domains/{domain_id}'],
})
  .input(z.strictObject({ domain_id: DomainRef }))
  .output(z.strictObject({ status: z.literal('deleted'), id: z.string() }))
  .mutation(async ({ ctx, input }) => ({
    status: 'deleted' as const,
    id: unwrap(await ctx.rooms.domains.remove(ctx.actor, idFrom(ctx.actor, input.domain_id))),
  }))
