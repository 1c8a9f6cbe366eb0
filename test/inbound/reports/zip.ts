import { crc32, deflateRawSync } from 'node:zlib'

/** `claims`: what the archive says of the size, when that is not true. */
export type ZippedFile = { name: string; content: Buffer; stored?: boolean; claims?: number; encrypted?: boolean }

/** A zip archive (APPNOTE 4.3), lies included. */
export function zipOf(files: readonly ZippedFile[]): Buffer {
  const local: Buffer[] = []
  const central: Buffer[] = []
  let offset = 0
  for (const file of files) {
    const data = file.stored === true ? file.content : deflateRawSync(file.content)
    const common = commonFields(file, data)
    const name = Buffer.from(file.name)
    const header = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), common, name])
    local.push(header, data)
    const rest = Buffer.alloc(14)
    rest.writeUInt32LE(offset, 10)
    central.push(Buffer.from('PK\u0001\u0002\u0014\u0000', 'latin1'), common, rest, name)
    offset += header.length + data.length
  }
  const directory = Buffer.concat(central)
  const end = Buffer.alloc(22)
  end.write('PK\u0005\u0006', 'latin1')
  end.writeUInt16LE(files.length, 8)
  end.writeUInt16LE(files.length, 10)
  end.writeUInt32LE(directory.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...local, directory, end])
}

/** What the header before the data and the central directory both have. */
function commonFields(file: ZippedFile, data: Buffer): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(file.encrypted === true ? 1 : 0, 2)
  fields.writeUInt16LE(file.stored === true ? 0 : 8, 4)
  fields.writeUInt32LE(crc32(file.content), 10)
  fields.writeUInt32LE(data.length, 14)
  fields.writeUInt32LE(file.claims ?? file.content.length, 18)
  fields.writeUInt16LE(Buffer.byteLength(file.name), 22)
  return fields
}
