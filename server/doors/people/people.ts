/**
 * The door for people: signing in, and deciding on what waits, in a browser (docs/people.md).
 *
 * Promises: nothing changes by a GET, and by a POST only when a page of this server sent it: the browser says so in `Origin` or `Sec-Fetch-Site`, which no page
 * can write, and what says neither is refused, as is everything that is not JSON. The cookies are of no use to scripts and are not sent from elsewhere. Who asks
 * for a code gets one answer, in the same time, whoever they name. Wrong answers count, by network and by what was tried; what nobody can guess, which is a passkey
 * and a code of the host, is looked at however many there were: behind a proxy all networks are one.
 */
import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { z } from 'zod'
import { rejectionCodes, rejectionWords } from '../../model/decision.ts'
import { OperationError, unwrap } from '../../operations/errors.ts'
import {
  AddressInput,
  AllowAsInput,
  AssertionInput,
  DecideInput,
  EndAllowanceAsInput,
  EditInput,
  EndInput,
  EnterInput,
  NothingInput,
  PasskeyInput,
  PendingInput,
  type PeopleRoom,
  PauseInput,
  QuietInput,
  RegistrationInput,
  TotpInput,
  UndoInput,
  WorldOnly,
  RenewInput,
  SeenQuery,
  allowAs,
  allowancesFor,
  decideAs,
  endAllowanceAs,
  editAs,
  receiptAs,
  renewAs,
  reviewAs,
  seenAs,
  setQuietAs,
  meView,
  onePending,
  pauseAs,
  pendingFor,
  undoAs,
  undoableFor,
} from '../../operations/people.ts'
import type { Rooms } from '../../operations/procedure.ts'
import type { PasskeyId } from '../../model/ids.ts'
import type { Clock } from '../../platform/clock.ts'
import { type Cookie, createCookie } from '../cookie.ts'
import { type Lookups, createLookups } from '../lookups.ts'
import { plainStyle, sendPage } from '../pages.ts'

const base = '/session'
export const peoplePaths: readonly string[] = [
  base,
  ...['page.js', 'me', 'code', 'enter', 'passkey/options', 'passkey/enter', 'end', 'passkeys/options', 'passkeys', 'passkeys/remove'].map(
    (name) => `${base}/${name}`,
  ),
  ...[
    'totp',
    'totp/confirm',
    'totp/remove',
    'pending',
    'pending/:email_id',
    'decide',
    'edit',
    'undoable',
    'undo',
    'renew',
    'quiet-hours',
    'pause',
    'allow',
    'allowances',
    'allowances/end',
    'review/:email_id',
    'seen/:email_id',
    'receipts/:email_id',
  ].map((name) => `${base}/${name}`),
]

const largestBody = 64 * 1024
const hour = 60 * 60_000
/** Of one network within an hour. */
const mostCodesAsked = 10
const mostRefused = 60

export type PeopleDoor = { people: PeopleRoom; rooms: Rooms; publicUrl: string; clock: Clock }
type Refusable = { ok: true } | { ok: false; code: string }
const countedRefusals: ReadonlySet<string> = new Set(['SIGN_IN_REFUSED', 'TOTP_WRONG'])
type Who = NonNullable<Awaited<ReturnType<PeopleRoom['who']>>>

export function servePeople(app: FastifyInstance, { people, rooms, publicUrl, clock }: PeopleDoor): void {
  const { origin } = new URL(publicUrl)
  const session = createCookie('multimail-session', publicUrl, clock)
  const ticket = createCookie('multimail-sign-in', publicUrl, clock)
  const asking = createLookups(clock, mostCodesAsked)
  const refusals = () => createLookups(clock, mostRefused)
  const [codes, hostCodes, passkeys, programs] = [refusals(), refusals(), refusals(), refusals()]
  const tooMany = (limit: Lookups) => new OperationError('TOO_MANY_SIGN_INS', undefined, [], limit.nextAt() - clock.now())
  /** Counts what is refused. It counts while it is under way as well, so that many at once are not more. @param always looks even when there were too many */
  const counting = async <R extends Refusable>(
    { limit, always = false }: { limit: Lookups; always?: boolean },
    { ip }: FastifyRequest,
    work: () => Promise<R>,
  ): Promise<R> => {
    const isTaken = limit.take(ip)
    if (!isTaken && !always) throw tooMany(limit)
    const answer = await work()
    const isRefused = !answer.ok && countedRefusals.has(answer.code)
    if (isTaken && !isRefused) limit.giveBack(ip)
    if (!isTaken && isRefused) throw tooMany(limit)
    return answer
  }
  const signedIn = async (request: FastifyRequest, reply: FastifyReply): Promise<Who> => {
    const token = session.of(request)
    const who = await people.who(token)
    if (who !== null) return who
    if (token !== undefined) session.clear(reply)
    throw new OperationError('NOT_SIGNED_IN')
  }
  const begin = async (reply: FastifyReply, entered: Awaited<ReturnType<PeopleRoom['enterByCode' | 'enterByPasskey']>>) => {
    const { token, expiresAt } = unwrap(entered)
    session.set(reply, token, expiresAt)
    ticket.clear(reply)
    const who = await people.who(token)
    if (who === null) throw new OperationError('NOT_SIGNED_IN')
    return { signed_in: true, person: await meView(people, who) }
  }

  void app.register(async (door) => {
    door.addHook('onRequest', async (request) => {
      if (request.method === 'POST' && !isOwnPage(request, origin)) throw new OperationError('ORIGIN_NOT_ALLOWED')
    })
    servePage(door)
    const post = <S extends z.ZodType>(
      path: string,
      input: S,
      work: (input: z.output<S>, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
    ): void =>
      void door.post(`${base}/${path}`, { bodyLimit: largestBody }, async (request, reply) =>
        reply.send(await work(parsed(input, request.body ?? {}), request, reply)),
      )
    /** For who has signed in: nobody else's input is looked at. */
    const postAs = <S extends z.ZodType>(
      path: string,
      input: S,
      work: (who: Who, input: z.output<S>, request: FastifyRequest, reply: FastifyReply) => Promise<unknown>,
    ): void =>
      void door.post(`${base}/${path}`, { bodyLimit: largestBody }, async (request, reply) => {
        const who = await signedIn(request, reply)
        return reply.send(await work(who, parsed(input, request.body ?? {}), request, reply))
      })

    door.get(`${base}/me`, async (request, reply) => {
      const who = await people.who(session.of(request))
      if (who === null && session.of(request) !== undefined) session.clear(reply)
      return { signed_in: who !== null, has_passkeys: people.hasPasskeys, person: who && (await meView(people, who)) }
    })
    post('code', AddressInput, async ({ address }, request, reply) => {
      if (!asking.take(request.ip)) throw tooMany(asking)
      rememberTicket(ticket, reply, people.askCode(ticket.of(request), address), clock.now() + hour)
      return { status: 'asked' }
    })
    post('enter', EnterInput, async ({ code, totp }, request, reply) => {
      const entry = { ticket: ticket.of(request), code, totp, previous: session.of(request) }
      const counted = people.isOfHost(code) ? { limit: hostCodes, always: true } : { limit: codes }
      return begin(reply, await counting(counted, request, () => people.enterByCode(entry)))
    })
    // Nothing is kept of it and nobody is named, so asking costs nothing that would have to be shared out.
    post('passkey/options', NothingInput, async () => unwrap(await people.signInOptions()))
    post('passkey/enter', AssertionInput, async ({ response }, request, reply) => {
      const { userHandle, ...rest } = response.response
      const assertion = { ...response, clientExtensionResults: {}, response: { ...rest, ...(userHandle !== undefined && { userHandle }) } }
      const enter = () => people.enterByPasskey(assertion, session.of(request))
      return begin(reply, await counting({ limit: passkeys, always: true }, request, enter))
    })
    postAs('end', EndInput, async (who, { everywhere }, _request, reply) => {
      await people.end(who, everywhere ? 'all' : 'this')
      session.clear(reply)
      return { signed_in: false }
    })
    postAs('passkeys/options', NothingInput, async (who) => unwrap(await people.newPasskeyOptions(who)))
    postAs('passkeys', RegistrationInput, async (who, { name, response }) => {
      return { id: unwrap(await people.addPasskey(who, { name, response: { ...response, clientExtensionResults: {} } })) }
    })
    postAs('passkeys/remove', PasskeyInput, async (who, { id }) => ({
      removed: unwrap(await people.removePasskey(who, id as PasskeyId)),
    }))
    postAs('totp', NothingInput, async (who) => unwrap(await people.newTotp(who)))
    postAs('totp/confirm', TotpInput, async (who, { code }, request) => {
      return { totp: unwrap(await counting({ limit: programs }, request, () => people.confirmTotp(who, code))) }
    })
    postAs('totp/remove', NothingInput, async (who) => {
      unwrap(await people.removeTotp(who))
      return { totp: false }
    })
    const idIn = (request: FastifyRequest): string => (request.params as { email_id: string }).email_id
    door.get(`${base}/pending`, async (request, reply) => {
      const who = await signedIn(request, reply)
      const input = parsed(PendingInput, request.query)
      return pendingFor(rooms, people.actorOf(who, input.world), input)
    })
    door.get(`${base}/pending/:email_id`, async (request, reply) => {
      const who = await signedIn(request, reply)
      const { world } = parsed(WorldOnly, request.query)
      return onePending(rooms, people.actorOf(who, world), idIn(request))
    })
    door.get(`${base}/review/:email_id`, async (request, reply) => {
      const who = await signedIn(request, reply)
      return reviewAs(rooms, people.actorOf(who, parsed(WorldOnly, request.query).world), idIn(request))
    })
    door.get(`${base}/seen/:email_id`, async (request, reply) => {
      const who = await signedIn(request, reply)
      const query = parsed(SeenQuery, request.query)
      return seenAs(rooms, people.actorOf(who, query.world), idIn(request), query)
    })
    door.get(`${base}/receipts/:email_id`, async (request, reply) => {
      const who = await signedIn(request, reply)
      return receiptAs(rooms, people.actorOf(who, parsed(WorldOnly, request.query).world), idIn(request))
    })
    postAs('renew', RenewInput, async (who, input) => renewAs(rooms, people.actorOf(who, input.world), input))
    postAs('allow', AllowAsInput, async (who, input) => {
      if (!people.isFresh(who)) throw new OperationError('SIGN_IN_AGAIN')
      return allowAs(rooms, people.actorOf(who, input.world), input)
    })
    door.get(`${base}/allowances`, async (request, reply) => {
      const who = await signedIn(request, reply)
      return allowancesFor(rooms, people.actorOf(who, parsed(WorldOnly, request.query).world))
    })
    postAs('allowances/end', EndAllowanceAsInput, async (who, input) => endAllowanceAs(rooms, people.actorOf(who, input.world), input))
    postAs('quiet-hours', QuietInput, async (who, input) => setQuietAs(people, who, input))
    postAs('pause', PauseInput, async (who, input) => pauseAs(rooms, people.actorOf(who, input.world), input))
    postAs('edit', EditInput, async (who, input) => editAs(rooms, people.actorOf(who, input.world), input))
    door.get(`${base}/undoable`, async (request, reply) => {
      const who = await signedIn(request, reply)
      return undoableFor(rooms, people.actorOf(who, parsed(WorldOnly, request.query).world))
    })
    postAs('undo', UndoInput, async (who, { email_id, world }) => undoAs(rooms, people.actorOf(who, world), email_id))
    postAs('decide', DecideInput, async (who, input) => decideAs(rooms, people.actorOf(who, input.world), input))
  })
}

const rememberTicket = (cookie: Cookie, reply: FastifyReply, ticket: string, until: number): void => cookie.set(reply, ticket, until)

/** Fetch Standard §3.2 (Origin) and Fetch Metadata §2.4: browsers write both, and no page can. */
const isOwnPage = ({ headers }: FastifyRequest, origin: string): boolean =>
  headers.origin === undefined ? headers['sec-fetch-site'] === 'same-origin' : headers.origin === origin

function parsed<S extends z.ZodType>(schema: S, input: unknown): z.output<S> {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const fields = result.error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.').slice(0, 200), message }))
  const [first] = fields
  throw new OperationError('BAD_INPUT', first && `${first.path === '' ? 'The input is not valid' : first.path}: ${first.message}`, fields)
}

function servePage(door: FastifyInstance): void {
  const source = readFileSync(new URL('page.js', import.meta.url), 'utf8')
  door.get(base, async (_request, reply) =>
    sendPage(reply.header('x-robots-tag', 'noindex'), { title: 'MultiMail: what waits for you', body, style, scripts: true }),
  )
  door.get(`${base}/page.js`, async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(source))
}

const style =
  `${plainStyle}input,button,select,textarea{font:inherit;padding:.5rem;margin:.2rem 0}input,select,textarea{width:100%;box-sizing:border-box}button{min-height:2.75rem}` +
  'body{overflow-wrap:anywhere}[hidden]{display:none}del{background:#f003}ins{background:#0a03}.bad{color:#c00}dt{font-weight:bold}dd{margin:0 0 .5rem;overflow-wrap:anywhere}pre{white-space:pre-wrap;overflow-wrap:anywhere}'

const choices = rejectionCodes.map((code) => `<option value="${code}">${rejectionWords[code]}</option>`).join('')

const body = `<h1>What waits for you</h1>
<output aria-live="polite"></output>
<form id="ask" hidden><p><button type="button" id="passkey" hidden>Sign in with a passkey</button></p>
<p><label>Your address <input name="address" type="email" autocomplete="username webauthn" required maxlength="254"></label>
<button>Mail me a code</button></p></form>
<form id="enter" hidden><p>If somebody signs in with that address, a code is on its way; one that was mailed within the last minute is the one to use. A code that was
printed on the server goes here too.</p>
<p><label>Code <input name="code" autocomplete="one-time-code" spellcheck="false" required maxlength="64"></label>
<label id="totp-field" hidden>Six digits of your authenticator program <input name="totp" inputmode="numeric" autocomplete="off" maxlength="16"></label>
<button>Sign in</button></p></form>
<template id="codes">${choices}</template>
<section id="leaving" hidden></section>
<main id="held" tabindex="-1" hidden></main>
<section id="allowed-part" hidden><h2>Allowed for a time</h2><ul id="allowed"></ul></section>
<section id="me" hidden><h2 id="who"></h2><ul id="passkeys"></ul>
<p><button id="add-passkey" hidden>Add a passkey</button> <button id="add-totp">Add an authenticator program</button> <button id="remove-totp" hidden>Remove the authenticator program</button></p>
<form id="confirm-totp" hidden><p>Enter this secret into the program, and here the six digits that it shows then: <code id="totp-secret"></code></p>
<p><label>Six digits <input name="code" inputmode="numeric" autocomplete="off" required maxlength="16"></label> <button>Confirm</button></p></form>
<details><summary>Quiet hours</summary><form id="quiet"><p>No letters from <label>from <input name="from" type="time" required></label> <label>to <input name="to" type="time" required></label>
<label>where you are <input name="zone" required maxlength="64" spellcheck="false"></label></p>
<p><button>Keep</button> <button type="button" id="no-quiet">Letters at any time</button></p></form></details>
<p><button id="end">Sign out</button> <button id="end-all">Sign out everywhere</button></p></section>
<noscript><p>Signing in is a program in this page, and your browser does not run it. <code>multimail pending</code> on the server does the same.</p></noscript>
<script type="module" src="/session/page.js"></script>`
