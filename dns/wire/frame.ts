/**
 * Where the parts of a message from the network lie. Everything is looked at before anything is decoded, and each record is decoded within
 * its own bounds: a decoder never sees what would lead it outside of them, or make it read one octet for every record anew.
 */
/** One resource record (RFC 1035 §4.1.3): from `at`, its data from `data`, up to `end`. */
export type Place = { type: number; class: number; ttl: number; at: number; data: number; end: number }

export type Sections = { answers: Place[]; authorities: Place[]; additionals: Place[] }

// Nobody's mail needs more, and a message could hold thousands, each with a name that is a long way round.
const maxRecords = 500

/** @param from behind the question section. Null when the message is not whole, or has too many records */
export function sectionsOf(message: Buffer, from: number): Sections | null {
  const counts = [6, 8, 10].map((at) => message.readUInt16BE(at))
  if (counts.reduce((sum, count) => sum + count) > maxRecords) return null
  let at = from
  const sections = counts.map((count) => {
    const places: Place[] = []
    for (let i = 0; i < count; i++) {
      const place = placeAt(message, at)
      if (place === null) return null
      places.push(place)
      at = place.end
    }
    return places
  })
  const [answers, authorities, additionals] = sections
  return answers && authorities && additionals ? { answers, authorities, additionals } : null
}

const fixedLength = 10

function placeAt(message: Buffer, at: number): Place | null {
  const type = endOfName(message, at)
  if (type === null || type + fixedLength > message.length) return null
  const data = type + fixedLength
  const end = data + message.readUInt16BE(type + 8)
  if (end > message.length) return null
  return { type: message.readUInt16BE(type), class: message.readUInt16BE(type + 2), ttl: message.readUInt32BE(type + 4), at, data, end }
}

/** Behind the name that begins here, be it labels, a pointer, or labels and a pointer (RFC 1035 §4.1.4). */
function endOfName(message: Buffer, from: number): number | null {
  for (let at = from; at < message.length;) {
    const length = message[at] ?? 0
    if (length === 0) return at + 1
    if (length >= 0xc0) return at + 2
    if (length > 63) return null
    at += 1 + length
  }
  return null
}

/** Whether character-strings (§3.3) fill the data exactly. */
export function isCharacterStrings(message: Buffer, { data, end }: Place): boolean {
  let at = data
  while (at < end) at += 1 + (message[at] ?? 0)
  return at === end && end > data
}
