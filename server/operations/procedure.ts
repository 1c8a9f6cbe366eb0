/**
 * What a caller can ask for, once. Each operation is a tRPC procedure with a strict input, a complete output, a scope, and what a door
 * needs to show it (title, description for a model, hints, REST routes). REST, OpenAPI and MCP are loops over the router of these,
 * so a name, a limit or a permission exists in one place.
 *
 * Promises: nothing runs without a key that holds the scope, but for what says that it is for everybody; a row of another tenant, another world, or a mailbox the key is not bound to
 * does not exist (design promise 9); each read is on the record in the transaction that did it (promise 5).
 */
import { initTRPC } from '@trpc/server'
import type { Domains } from '../identity/domains.ts'
import type { Mailboxes } from '../identity/mailboxes.ts'
import type { AccountRemoval } from '../identity/account-removal.ts'
import type { Usage } from '../identity/usage.ts'
import type { Network } from '../identity/signup/limits.ts'
import type { Signups } from '../identity/signup/signups.ts'
import type { Live } from '../events/live.ts'
import type { Decider, KeyActor, Scope } from '../model/actor.ts'
import type { KeyId } from '../model/ids.ts'
import type { Json } from '../model/canonical.ts'
import type { Webhooks } from '../events/webhooks.ts'
import type { Sandbox } from '../sandbox/sandbox.ts'
import type { Injections } from '../inbound/injection.ts'
import type { ComposeFromOutside } from '../outbound/from-outside.ts'
import type { Deliveries } from '../outbound/control/deliveries.ts'
import type { Switch } from '../outbound/control/switch.ts'
import type { MailboxChoices } from '../outbound/mailbox-choices.ts'
import type { Submissions } from '../outbound/submit.ts'
import type { Standings } from '../outbound/standing/lift.ts'
import type { Suppressions } from '../outbound/suppression/by-hand.ts'
import type { Policies } from '../outbound/policies.ts'
import type { Allowances } from '../oversight/allowance.ts'
import type { AdminActions } from '../oversight/admin-actions.ts'
import type { Approvals } from '../oversight/approvals.ts'
import type { AsSent } from '../outbound/as-sent.ts'
import type { AttachmentLinks } from '../mailbox/attachment-link.ts'
import type { ReadText } from '../mailbox/attachment-text/reader.ts'
import type { OperatorSessions } from '../oversight/operator-sessions.ts'
import type { Checkpoints } from '../record/checkpoints.ts'
import type { Receipts } from '../record/receipts.ts'
import type { SearchIndex } from '../mailbox/search-index.ts'
import type { Suggestions } from '../oversight/ladder/evidence.ts'
import type { Reviewers } from '../oversight/reviewers/reviewers.ts'
import type { Upgrades } from '../oversight/upgrades.ts'
import type { Clock } from '../platform/clock.ts'
import type { Log } from '../platform/log.ts'
import type { Store } from '../store/db.ts'
import { OperationError } from './errors.ts'
import { type Idempotency, once } from './once.ts'
import { problemOf } from './problem.ts'
import type { Reads } from './reads.ts'
import { noteRefusal } from './refusals.ts'

/** The rooms below, as app.ts built them. */
export type Rooms = {
  store: Store
  submissions: Submissions
  approvals: Approvals
  adminActions: AdminActions
  suppressions: Suppressions
  sending: Switch
  mailboxes: Mailboxes
  upgrades: Upgrades
  suggestions: Suggestions
  reviewers: Pick<Reviewers, 'report'>
  operatorSessions: OperatorSessions
  signups: Signups
  /** a pattern of an allow-list in the form in which it is kept; null: it is none */
  parsePattern: (text: string) => string | null
  policies: Policies
  allowances: Allowances
  domains: Domains
  choices: MailboxChoices
  standings: Standings
  deliveries: Deliveries
  webhooks: Webhooks
  live: Live
  reads: Reads
  /** this server's own address, as clients reach it */
  publicUrl: string
  links: AttachmentLinks
  readText: ReadText
  /** the key of this id, when it is good now */
  actorOf: (key: KeyId) => Promise<KeyActor | null>
  searchIndex: Pick<SearchIndex, 'catchUp'>
  injections: Injections
  sandbox: Sandbox
  usage: Pick<Usage, 'catchUp'>
  accountRemoval: Pick<AccountRemoval, 'close' | 'wake'>
  /** what the operator allows each account; null: any number */
  limits: { monthlyEmails: number | null; mailboxes: number | null }
  composeFromOutside: ComposeFromOutside
  asSent: (message: Buffer) => Promise<AsSent>
  checkpoints: Pick<Checkpoints, 'covering' | 'key'>
  receipts: Receipts
  clock: Clock
  log: Log
}

/** The cookie of an operator session (contract §4.6), where a door has cookies: what came with the call, and what goes with the answer. */
export type OperatorCookie = { presented: string | undefined; change?: { token: string; expiresAt: number } | 'clear' }

/** One call, whichever door it came through. `actor` is null when no key was shown. */
export type Context = {
  rooms: Rooms
  actor: KeyActor | null
  requestId: string
  idempotency?: Idempotency | undefined
  operatorSession?: OperatorCookie | undefined
  /** where the call came from, for what has a limit without a key */
  network?: (() => Network) | undefined
}

/** The same once the scope is checked: what an operation is handed. */
export type Call = Context & { actor: KeyActor }

/** Who looks at something: a key by an operation, or a person who has signed in. */
export type Viewing = { rooms: Rooms; actor: Decider }

/** `POST /v1/mailboxes/{mailbox_id}/send`; names in braces are fields of the input. */
export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Route = `${Method} /${string}`

export type OperationMeta = {
  /** `any`: every key may. `none`: whoever calls, without a key as well */
  scope: Scope | 'any' | 'none'
  /** does as well */
  orScope?: Scope
  /** keys of the test world only; others are not shown it */
  testOnly?: true
  title: string
  /** for a model that has to choose a tool: what it does, what comes back, what to do next */
  description: string
  /** reads mail or settings and changes neither (that it was read is on the record all the same) */
  readOnly: boolean
  /** takes something away that cannot be put back */
  destructive: boolean
  /** asking twice leaves the same state as asking once */
  idempotent: boolean
  /** its answer holds a secret that is shown once: it is kept nowhere, so a repetition of the call does not get it again */
  secretOutput?: true
  /** its input has an idempotency_key of its own, by which it finds what an earlier call did, however long ago (once.ts does so for all others) */
  findsItself?: true
  /** calls as they are made, for whoever reads the documentation, a model in the description of its tool, and the test that makes them */
  examples?: readonly Example[]
  rest: readonly Route[]
  /** the operator has to agree: the first answer may be `pending_approval` (two-step.ts) */
  twoStep?: true
  /** for people at a program with cookies: no tool of an agent */
  noTool?: true
  /** there only where people sign up */
  ofSignup?: true
}

/** `input` in the names of the operation; in it `{email_id}` and the like stand for ids (test/support/scene.ts has what there is). */
type Example = { title?: string; input: Readonly<Record<string, Json>> }

const t = initTRPC
  .context<Context>()
  .meta<OperationMeta>()
  .create({
    // Stacks and internal words stay in the log; a client gets the catalogue's.
    isDev: false,
    // Proxies cut what is silent for a minute; a client that hears nothing for three pings comes back.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
    errorFormatter: ({ shape, error, ctx }) => {
      const problem = problemOf(error, ctx?.requestId ?? '')
      return { ...shape, message: problem.body.error, data: { httpStatus: problem.status, path: shape.data.path, ...problem.body } }
    },
  })

export const router = t.router
export const callerFor = t.createCallerFactory

/** The start of every operation: described, refused unless the key holds the scope, and done once for one idempotency key. */
export const operation = (meta: OperationMeta) =>
  t.procedure
    .meta(meta)
    .use(async ({ ctx, type, path, next }) => {
      const note = async (error: unknown): Promise<void> => {
        if (type === 'mutation' && ctx.actor !== null) await noteRefusal({ ...ctx, actor: ctx.actor }, path, error, meta)
      }
      try {
        const outcome = await next({ ctx: { ...ctx, actor: permitted(ctx.actor, meta) } })
        if (!outcome.ok) await note(outcome.error.cause)
        return outcome
      } catch (error) {
        await note(error)
        throw error
      }
    })
    .use(async ({ ctx, type, path, next, getRawInput }) => {
      if (type !== 'mutation') return next()
      const raw = await getRawInput()
      const outcome = await once({ ctx, meta, path, raw }, (input) => next({ getRawInput: () => Promise.resolve(input) }))
      // An earlier answer has all that tRPC looks at; the marker of its type is for whoever forgets to call `next`.
      return outcome as Awaited<ReturnType<typeof next>>
    })

/** The start of an operation for whoever calls, with a key or without: its actor may be null. */
export const openOperation = (meta: OperationMeta & { scope: 'none' }) => t.procedure.meta(meta)

/** Throws OperationError unless it is a key that may. */
export function permitted(actor: KeyActor | null, meta: OperationMeta): KeyActor {
  if (actor === null) throw new OperationError('UNAUTHENTICATED')
  // These words are the public contract's (§1.2): clients show and compare them.
  if (!holdsScope(actor, meta)) throw new OperationError('SCOPE_MISSING', `Requires ${meta.scope} scope`)
  if (!isPermitted(actor, meta)) throw new OperationError('TEST_KEY_ONLY')
  return actor
}

export const isPermitted = (actor: KeyActor, meta: OperationMeta): boolean =>
  holdsScope(actor, meta) && (meta.testOnly !== true || actor.world === 'test')

const holdsScope = ({ scopes }: KeyActor, { scope, orScope }: OperationMeta): boolean =>
  scope === 'any' || scope === 'none' || scopes.includes(scope) || (orScope !== undefined && scopes.includes(orScope))
