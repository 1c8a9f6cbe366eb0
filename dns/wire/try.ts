import type { RrType } from '../answer.ts'
import { makeQuery } from './query.ts'
import { type Reply, readReply } from './reply.ts'
import type { Server } from './server.ts'
import { type Outcome, flooded, overTcp, overUdp } from './socket.ts'

type Question = { name: string; rrtype: RrType }
type Form = Question & { mixCase: boolean; edns: boolean }

/** One try at one server: its reply, whatever that says, or why there is none. */
export async function tryServer(server: Server, question: Question, ended: AbortSignal): Promise<Outcome<Reply>> {
  const usual = { ...question, mixCase: server.keepsCase, edns: true }
  const outcome = await exchange(server, usual, ended)
  return outcome.kind === 'read' && dislikesEdns.has(outcome.value.code) ? exchange(server, { ...usual, edns: false }, ended) : outcome
}

/** RFC 6891 §7: what servers say that do not know EDNS (FORMERR, NOTIMP), or not this version of it (BADVERS). */
const dislikesEdns: ReadonlySet<number> = new Set([1, 4, 16])

/** Over UDP; over TCP when that was cut off, or when it may come from somebody who guesses: nobody can guess their way into a connection. */
async function exchange(server: Server, form: Form, ended: AbortSignal): Promise<Outcome<Reply>> {
  const quick = await send(overUdp, server, form, ended)
  if (isSure(quick)) return quick
  const sure = await send(overTcp, server, form, ended)
  if (sure.kind === 'read') {
    if (!sure.value.sameCase) server.keepsCase = false
    return sure.value.truncated ? { kind: 'failed', code: 'EBADRESP' } : sure
  }
  // A server that changes the case of letters and has no TCP, or somebody who wants it to look so: what is left is the id and the port.
  return isWhole(quick) ? send(overUdp, server, { ...form, mixCase: false }, ended) : sure
}

function send(way: typeof overUdp<Reply>, { host, port }: Server, form: Form, ended: AbortSignal): Promise<Outcome<Reply>> {
  const query = makeQuery(form.name, form.rrtype, form)
  return way({ host, port, query: query.bytes, read: (message) => readReply(message, query), ended })
}

const isWhole = (outcome: Outcome<Reply>): boolean => outcome.kind === 'read' && !outcome.value.truncated

const isSure = (outcome: Outcome<Reply>): boolean =>
  outcome.kind === 'failed' ? outcome.code !== flooded : !outcome.value.truncated && outcome.value.sameCase
