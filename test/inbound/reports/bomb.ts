import { gzipSync } from 'node:zlib'

const members = 256

/** What unpacks to a gigabyte of spaces: a megabyte of gzip, in many members of one file (RFC 1952 §2.2), since so it is made in no time. */
export const gigabyte = (): Buffer => {
  const member = gzipSync(Buffer.alloc((1024 * 1024 * 1024) / members, ' '), { level: 9 })
  return Buffer.concat(Array<Buffer>(members).fill(member))
}
