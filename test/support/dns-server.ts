/** A small authoritative name server for a process under test: answers over UDP (RFC 1035 §4) from the same zone that tests inside one
 *  process hand to a zone resolver. It follows aliases itself, and knows no EDNS, TCP or zone transfer. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { isIPv6 } from 'node:net'
import { createZoneResolver, type DnsAnswer, type Records, type RrType, type Zone } from '../../dns/resolver.ts'

/** `address` is what `createResolver({ servers })` takes. The zone may be changed while it serves. */
export type DnsServer = { address: string; stop(): Promise<void> }

export async function startDnsServer(zone: Zone): Promise<DnsServer> {
  const resolver = createZoneResolver(zone)
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const question = readQuestion(query)
    if (question === null) return
    void answer(question).then((reply) => reply && socket.send(reply, from.port, from.address))
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')

  async function answer(question: Question): Promise<Buffer | null> {
    const type = typeNumbers.get(question.type)
    const found: DnsAnswer<Records[RrType][]> = type === undefined ? { kind: 'no-data' } : await resolver.raw(question.name, type)
    if (found.kind === 'failed' && found.reason === 'ETIMEOUT') return null
    return reply(question, found.kind, type !== undefined && found.kind === 'found' ? found.value.map((one) => encodeData(type, one)) : [])
  }

  return {
    address: `127.0.0.1:${socket.address().port}`,
    async stop() {
      socket.close()
      await once(socket, 'close')
    },
  }
}

const typeNumbers: ReadonlyMap<number, RrType> = new Map([
  [1, 'A'],
  [5, 'CNAME'],
  [12, 'PTR'],
  [15, 'MX'],
  [16, 'TXT'],
  [28, 'AAAA'],
])

const responseCodes = { found: 0, 'no-data': 0, failed: 2, 'no-domain': 3 } as const

/** `wire` is the question section as it came, which the reply repeats. */
type Question = { id: number; name: string; type: number; wire: Buffer }

const headerLength = 12
// RFC 1035 §4.1.1: a response, authoritative, recursion desired and available.
const responseFlags = 0x8580

function readQuestion(query: Buffer): Question | null {
  if (query.length < headerLength + 5 || query.readUInt16BE(4) !== 1) return null
  const labels: string[] = []
  let at = headerLength
  for (let length = query[at]; length; length = query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  if (at + 5 > query.length) return null
  return { id: query.readUInt16BE(0), name: labels.join('.'), type: query.readUInt16BE(at + 1), wire: query.subarray(headerLength, at + 5) }
}

function reply(question: Question, kind: keyof typeof responseCodes, data: readonly Buffer[]): Buffer {
  const header = numbers(question.id, responseFlags | responseCodes[kind], 1, data.length, 0, 0)
  return Buffer.concat([header, question.wire, ...data.map((one) => record(question.type, one))])
}

/** A resource record (§4.1.3) whose owner is the name in the question, of class IN, not to be kept. */
function record(type: number, data: Buffer): Buffer {
  const ownerInQuestion = 0xc000 + headerLength
  return Buffer.concat([numbers(ownerInQuestion, type, 1, 0, 0, data.length), data])
}

/** The shapes are those of node:dns, as the zone resolver gives them. */
const encodeData = (type: RrType, value: Records[RrType]): Buffer => encoders[type](value as never)

const encoders: { [T in RrType]: (value: Records[T]) => Buffer } = {
  A: (address) => Buffer.from(address.split('.').map(Number)),
  AAAA: ipv6Bytes,
  MX: ({ priority, exchange }) => Buffer.concat([numbers(priority), encodeName(exchange)]),
  TXT: (parts) => Buffer.concat(parts.flatMap(characterStrings)),
  PTR: encodeName,
  CNAME: encodeName,
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '')
  return Buffer.concat([
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')])),
    Buffer.from([0]),
  ])
}

/** §3.3: at most 255 octets each, so a DKIM key takes two. */
function characterStrings(text: string): Buffer[] {
  const bytes = Buffer.from(text)
  const pieces = Array.from({ length: Math.ceil(bytes.length / 255) || 1 }, (_, i) => bytes.subarray(i * 255, (i + 1) * 255))
  return pieces.map((piece) => Buffer.concat([Buffer.from([piece.length]), piece]))
}

function ipv6Bytes(address: string): Buffer {
  if (!isIPv6(address)) throw new Error(`${address} is no IPv6 address`)
  const [head = '', tail] = address.split('::')
  const groups = (part: string | undefined): number[] => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const left = groups(head)
  const right = groups(tail)
  return numbers(...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right)
}

function numbers(...values: number[]): Buffer {
  const buffer = Buffer.alloc(values.length * 2)
  for (const [i, value] of values.entries()) buffer.writeUInt16BE(value, i * 2)
  return buffer
}
