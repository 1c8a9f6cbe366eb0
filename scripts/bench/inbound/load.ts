/**
 * Sends mail as fast as a server takes it, and says how fast that was, as one line of JSON. Started inside the world by bench:inbound.
 * Plain sockets; MAIL, RCPT and DATA go together when the server allows it (RFC 2920); only a final 250 counts.
 * Arguments: host port local-address folder connections per-connection warm-up-ms measured-ms recipient
 */
import { readFileSync, readdirSync } from 'node:fs'
import { type Socket, connect } from 'node:net'
import { join } from 'node:path'

const [
  host = '',
  port = '',
  localAddress = '',
  folder = '',
  connections = '',
  perConnection = '',
  warmUp = '',
  measured = '',
  recipient = '',
] = process.argv.slice(2)
const each = Number(perConnection)

const dotStuffed = (text: string): string => text.replaceAll(/^\./gm, '..')
const bodies = readdirSync(folder).map((name) => {
  const text = dotStuffed(readFileSync(join(folder, name), 'latin1'))
  return Buffer.from(`${text}${text.endsWith('\r\n') ? '' : '\r\n'}.\r\n`, 'latin1')
})
const envelope = ['MAIL FROM:<ann@sender.example>\r\n', `RCPT TO:<${recipient}>\r\n`, 'DATA\r\n']

/** ms: from the last octet of the message to its reply, and from MAIL (or the connection, if it was made for this one) to that. */
const final: number[] = []
const whole: number[] = []
const refused = new Map<string, number>()
const begin = performance.now() + Number(warmUp)
const end = begin + Number(measured)
let taken = 0
let all = 0
let next = 0
let open = 0

type State = 'greeting' | 'hello' | 'mail' | 'rcpt' | 'data' | 'final' | 'quit'

function session(): void {
  open++
  const socket: Socket = connect({ host, port: Number(port), localAddress, noDelay: true })
  let state: State = 'greeting'
  let pipelining = false
  let sent = 0
  let buffered = ''
  let since = performance.now()
  let handedOver = 0
  let failed = false

  const start = (): void => {
    state = 'mail'
    failed = false
    socket.write(pipelining ? envelope.join('') : (envelope[0] ?? ''))
  }
  const quit = (): void => {
    state = 'quit'
    socket.end('QUIT\r\n')
  }
  const note = (line: string): void => {
    const reason = `${state} ${line.slice(0, 60)}`
    refused.set(reason, (refused.get(reason) ?? 0) + 1)
  }
  /** Whether more replies come after one that was not expected. */
  const goesOn = (line: string): boolean => {
    note(line)
    failed = true
    const more = state === 'final' || (pipelining && (state === 'mail' || state === 'rcpt'))
    if (!more) quit()
    return more
  }
  const done = (): void => {
    const now = performance.now()
    if (!failed) all++
    if (!failed && now >= begin && now < end) {
      taken++
      final.push(now - handedOver)
      whole.push(now - since)
    }
    sent++
    if (now >= end || (each > 0 && sent >= each)) return quit()
    since = now
    start()
  }
  const expected: Record<State, number> = { greeting: 220, hello: 250, mail: 250, rcpt: 250, data: 354, final: 250, quit: 221 }
  const reply = (line: string): void => {
    const at = state
    if (at === 'quit') return
    if (Number(line.slice(0, 3)) !== expected[at] && !goesOn(line)) return
    if (at === 'greeting') {
      state = 'hello'
      socket.write('EHLO mx.sender.example\r\n')
    } else if (at === 'hello') start()
    else if (at === 'mail') {
      state = 'rcpt'
      if (!pipelining) socket.write(envelope[1] ?? '')
    } else if (at === 'rcpt') {
      state = 'data'
      if (!pipelining) socket.write(envelope[2] ?? '')
    } else if (at === 'data') {
      state = 'final'
      socket.write(bodies[next++ % bodies.length] ?? '')
      handedOver = performance.now()
    } else done()
  }
  socket.setEncoding('latin1')
  socket.on('data', (chunk: string) => {
    buffered += chunk
    for (let stop = buffered.indexOf('\n'); stop >= 0; stop = buffered.indexOf('\n')) {
      const line = buffered.slice(0, stop).trimEnd()
      buffered = buffered.slice(stop + 1)
      if (state === 'hello' && /^250.PIPELINING/.test(line)) pipelining = true
      if (line[3] !== '-') reply(line)
    }
  })
  socket.on('error', (error) => note(error.message))
  socket.on('close', () => {
    open--
    if (performance.now() < end && refused.size < 20) session()
    else if (open === 0) report()
  })
}

const share = (sorted: readonly number[], part: number): number =>
  Number((sorted[Math.floor(sorted.length * part)] ?? Number.NaN).toFixed(2))
const figures = (many: number[]): { p50: number; p95: number; p99: number } => {
  const sorted = many.toSorted((one, other) => one - other)
  return { p50: share(sorted, 0.5), p95: share(sorted, 0.95), p99: share(sorted, 0.99) }
}

function report(): void {
  const perSecond = Number((taken / (Number(measured) / 1000)).toFixed(1))
  console.log(
    JSON.stringify({ perSecond, messages: all, final: figures(final), whole: figures(whole), refused: Object.fromEntries(refused) }),
  )
  process.exit()
}

for (let count = 0; count < Number(connections); count++) session()
// A server that answers nothing any more.
setTimeout(report, Number(warmUp) + Number(measured) + 30_000)
