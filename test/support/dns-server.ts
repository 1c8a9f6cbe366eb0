/** A small authoritative name server for a process under test: answers over UDP and TCP from the same zone that tests inside one process hand to a
 *  zone resolver. On request it is old, slow to change, or hostile. It knows no zone transfer. */
import { type RemoteInfo, type Socket as UdpSocket, createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Server, type Socket, createServer } from 'node:net'
import { type Zone, createZoneResolver } from '../../dns/resolver.ts'
import { findInZone } from '../../dns/zone.ts'
import { type Question, answerMessage, authenticData, prefixed, readQuestion, record, soaRecord, truncated, typeOf } from './dns-wire.ts'

/** A question as it came. `port`: where it came from. */
export type Asked = Question & { way: 'udp' | 'tcp'; port: number }

/** `address` is what `createResolver({ servers })` takes. The zone may be changed while it serves. */
export type DnsServer = { address: string; asked: readonly Asked[]; stop(): Promise<void> }

/** @property soa its times in seconds, sent with each answer that there is none (RFC 2308 §2); without it none is sent
 *  @property udpLimit the most octets of an answer over UDP; more is cut off, with the TC bit
 *  @property tcp false: nobody listens there. A function: what becomes of a connection once a question came
 *  @property edns false: a query with EDNS is a format error
 *  @property keepsCase false: questions come back in small letters
 *  @property spoil what to send instead of the answer that is right, message by message */
export type ServerHabits = {
  soa?: { ttl: number; minimum: number }
  udpLimit?: number
  tcp?: boolean | ((socket: Socket, answer: Buffer) => void)
  edns?: boolean
  keepsCase?: boolean
  spoil?: (answer: Buffer, asked: Asked) => readonly Buffer[]
}

const usualUdpLimit = 1232

export async function startDnsServer(zone: Zone, habits: ServerHabits = {}): Promise<DnsServer> {
  const asked: Asked[] = []
  const answer = async (query: Buffer, way: Asked['way'], port: number): Promise<readonly Buffer[]> => {
    const question = readQuestion(query)
    if (question === null) return []
    const one = { ...question, way, port }
    asked.push(one)
    const whole = await answerFrom(zone, habits, one)
    if (whole === null) return []
    return habits.spoil === undefined ? [whole] : habits.spoil(whole, one)
  }
  const { udp, tcp, port } = await openBoth(habits.tcp !== false)
  let stopped = false
  udp.on('message', (query: Buffer, from: RemoteInfo) => {
    void answer(query, 'udp', from.port).then((messages) => {
      // Nobody is told any more once it has stopped: a closed socket throws.
      if (!stopped) for (const each of messages) udp.send(each, from.port, from.address)
    })
  })
  const connections = new Set<Socket>()
  tcp?.on('connection', (socket) => {
    connections.add(socket)
    socket.on('error', () => socket.destroy())
    socket.once('data', (piece) => {
      void answer(piece.subarray(2), 'tcp', socket.remotePort ?? 0).then((messages) => {
        for (const each of messages) (typeof habits.tcp === 'function' ? habits.tcp : writeTo)(socket, each)
      })
    })
  })
  return {
    address: `127.0.0.1:${port}`,
    asked,
    async stop() {
      stopped = true
      for (const socket of connections) socket.destroy()
      tcp?.close()
      udp.close()
      await once(udp, 'close')
    },
  }
}

const writeTo = (socket: Socket, answer: Buffer): void => void socket.write(prefixed(answer))

/** UDP and TCP on one port, which the system chooses for the one and may have given to somebody else for the other. */
async function openBoth(withTcp: boolean, triesLeft = 20): Promise<{ udp: UdpSocket; tcp: Server | null; port: number }> {
  const udp = createSocket('udp4').bind(0, '127.0.0.1')
  await once(udp, 'listening')
  const { port } = udp.address()
  if (!withTcp) return { udp, tcp: null, port }
  try {
    const tcp = createServer().listen(port, '127.0.0.1')
    await once(tcp, 'listening')
    return { udp, tcp, port }
  } catch (error) {
    udp.close()
    if (triesLeft === 0) throw error
    return openBoth(withTcp, triesLeft - 1)
  }
}

const responseCodes = { found: 0, 'no-data': 0, failed: 2, 'no-domain': 3 } as const
const formatError = 1

/** Null: the zone wants silence. */
async function answerFrom(zone: Zone, habits: ServerHabits, question: Asked): Promise<Buffer | null> {
  // As servers do it that understood nothing: a header and no more.
  if (question.edns && habits.edns === false) return answerMessage({ ...question, wire: Buffer.alloc(0) }, formatError)
  const echo = habits.keepsCase === false ? { ...question, wire: inSmallLetters(question.wire) } : question
  const found = await lookUp(zone, question)
  if (found === null) return null
  const authority = found.isEmpty && habits.soa ? [soaRecord('test', habits.soa)] : []
  const whole = answerMessage(echo, found.flags, found.records, authority)
  const fits = question.way === 'tcp' || whole.length <= (habits.udpLimit ?? usualUdpLimit)
  return fits ? whole : answerMessage(echo, found.flags | truncated)
}

const inSmallLetters = (wire: Buffer): Buffer => Buffer.from(wire.toString('latin1').toLowerCase(), 'latin1')

async function lookUp(zone: Zone, question: Question): Promise<{ flags: number; records: Buffer[]; isEmpty: boolean } | null> {
  const type = typeOf(question.type)
  const asked = question.name.toLowerCase()
  const { name, aliases } = type === 'CNAME' ? { name: asked, aliases: [] } : followAliases(zone, asked)
  if (aliases.length === maxAliases || type === undefined) return { flags: 0, records: aliases, isEmpty: true }
  const found = await createZoneResolver(zone).raw(name, type)
  if (found.kind === 'failed' && found.reason === 'ETIMEOUT') return null
  const here = findInZone(zone, name)
  const proof = here?.SECURE && question.wantsProof ? authenticData : 0
  const records = found.kind === 'found' ? found.value.map((one) => record(name, type, here?.TTL ?? 0, one)) : []
  return { flags: responseCodes[found.kind] | proof, records: [...aliases, ...records], isEmpty: records.length === 0 }
}

const maxAliases = 20

function followAliases(zone: Zone, asked: string): { name: string; aliases: Buffer[] } {
  const aliases: Buffer[] = []
  let name = asked
  for (let here = findInZone(zone, name); here?.CNAME !== undefined && aliases.length < maxAliases; here = findInZone(zone, name)) {
    aliases.push(record(name, 'CNAME', here.TTL ?? 0, here.CNAME))
    name = here.CNAME.toLowerCase().replace(/\.$/, '')
  }
  return { name, aliases }
}
