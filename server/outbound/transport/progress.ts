import type { Alarm, Clock } from '../../platform/clock.ts'
import type { Stage } from '../transport.ts'

const second = 1_000
const minute = 60 * second

/** How long each stage may wait for the remote (RFC 5321 §4.5.3.2; for `data` the wait between two pieces of the message). The connection
 *  itself and TLS are shorter than the RFC's 5 min: a host that takes longer is not there. `session` bounds the whole, for each message anew. */
const limitsMs: Record<Stage | 'session', number> = {
  route: 5 * minute,
  connect: 30 * second,
  greeting: 5 * minute,
  ehlo: 5 * minute,
  tls: minute,
  mail: 5 * minute,
  rcpt: 5 * minute,
  data: 3 * minute,
  dot: 10 * minute,
  session: 30 * minute,
}

const stageOfVerb: Record<string, Stage> = { EHLO: 'ehlo', HELO: 'ehlo', STARTTLS: 'tls', MAIL: 'mail', RCPT: 'rcpt', DATA: 'data' }

/** Where a session stands, learned from the commands and replies that pass, and an alarm for when it stands too long. Commands sent in
 *  one batch (RFC 2920) wait in line: the session is at the first that has no reply yet. */
export function createProgress(
  clock: Clock,
  { onStuck, onNonsense }: { onStuck: (why: string) => void; onNonsense: (why: string) => void },
) {
  let stage: Stage = 'connect'
  let awaiting: Stage[] = []
  let ehloReply = ''
  let handshakeBegan = false
  let session: Alarm | null = null
  let alarm: Alarm | null = null
  let limits = limitsMs

  function enter(next: Stage): void {
    alarm?.cancel()
    stage = next
    const ms = limits[next]
    alarm = clock.at(clock.now() + ms, () => onStuck(`No answer within ${ms / second} seconds`))
  }
  function stop(): void {
    session?.cancel()
    alarm?.cancel()
  }

  return {
    stage: (): Stage => stage,
    enter,
    /** The alarms are set from here on: for the opening of a connection, and again for each message. @param firstMs for the first stage, instead of
     *  what is usual */
    begin(first: Stage, firstMs = limitsMs[first]): void {
      stop()
      awaiting = []
      limits = { ...limitsMs, [first]: firstMs }
      session = clock.at(clock.now() + limitsMs.session, () => onStuck(`The session took longer than ${limitsMs.session / minute} minutes`))
      enter(first)
    },
    sent(line: string): void {
      const next = stageOfVerb[line.split(' ', 1)[0]?.toUpperCase() ?? '']
      if (next === undefined) return
      awaiting.push(next)
      if (awaiting.length === 1) enter(next)
    },
    received(reply: string): void {
      const answered = awaiting.shift()
      if (answered === 'ehlo') ehloReply = reply
      // Anything else is the answer to an earlier command, and all that follow would be taken for those of their neighbours (RFC 5321 §4.3.2).
      if (answered === 'data' && !/^(?:354|[45])/.test(reply)) onNonsense('The replies of the host are out of step')
      if (answered === 'tls' && reply.startsWith('2')) handshakeBegan = true
      const next = awaiting[0]
      if (next !== undefined) enter(next)
    },
    /** Whether the host said yes to STARTTLS, so that what fails at stage `tls` is the handshake. */
    handshakeBegan: (): boolean => handshakeBegan,
    /** The parameter of an ESMTP extension the remote offers, '' without one; null when it does not offer it. */
    extension(name: string): string | null {
      const line = ehloReply.split(/\r?\n/).find((one) => new RegExp(`^250[ -]${name}(?: |$)`, 'i').test(one.slice(0, 200)))
      return line === undefined ? null : line.slice(4 + name.length).trim()
    },
    stop,
  }
}

export type Progress = ReturnType<typeof createProgress>
