import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { findCheckpoint, openCheckpoint, signCheckpoint } from '../../server/model/checkpoint.ts'
import {
  type NoteKey,
  isKeyName,
  newSignerKey,
  openNote,
  parseSignerKey,
  parseVerifierKey,
  signNote,
  verifierKeyText,
} from '../../server/model/note.ts'
import { wildText } from '../support/arbitraries.ts'

// The example of golang.org/x/mod/sumdb/note, whose form everybody reads.
const verifier = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const secret = 'PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz'
const text = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
const signed = `${text}\n— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n`

const keyOf = (line: string): NoteKey => {
  const key = parseVerifierKey(line)
  if (key === null) throw new Error('no key')
  return key
}
const signer = (name: string, seed = 1) => parseSignerKey(newSignerKey(name, Buffer.alloc(32, seed)))
const root = 'ab'.repeat(32)

describe('a signed note', () => {
  it('is the one that other programs make of the same key', () => {
    expect(signNote(text, parseSignerKey(secret))).toBe(signed)
    expect(openNote(signed, keyOf(verifier))).toBe(text)
    expect(verifierKeyText(keyOf(verifier))).toBe(verifier)
    expect(verifierKeyText(parseSignerKey(secret))).toBe(verifier)
  })

  it('opens with the key that signed it alone, whoever else signed it too', () => {
    const [one, other] = [signer('one.test/log'), signer('other.test/log', 2)]
    const lineOf = (note: string) => note.slice(note.indexOf('\n\n') + 2)
    const both = signNote(text, one) + lineOf(signNote(text, other))
    expect([openNote(both, one), openNote(both, other)]).toEqual([text, text])
    expect(openNote(both, signer('third.test/log', 3))).toBeNull()
    expect(openNote(both, signer('one.test/log', 2))).toBeNull()
    // A wrong signature in a known name spoils the note, though there is a good one as well.
    const wrong = lineOf(signNote('other\n', one))
    expect(openNote(signNote(text, one) + wrong, one)).toBeNull()
  })

  it('has any text but what would be read as something else', () => {
    const key = signer('one.test/log')
    for (const good of ['a\n', 'a\n\nb\n', '\n', 'ü\n', '— x y\n']) expect(openNote(signNote(good, key), key)).toBe(good)
    for (const bad of ['', 'a', 'a\r\n', 'a\0\n', '\ud800\n']) expect(() => signNote(bad, key)).toThrow('cannot be signed')
  })

  it('does not open when any of its bits was changed', () => {
    const key = keyOf(verifier)
    const octets = Buffer.from(signed)
    for (let bit = 0; bit < octets.length * 8; bit += 1) {
      const changed = Buffer.from(octets)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(openNote(changed.toString(), key), `bit ${bit}`).toBeNull()
    }
  })

  it('is told from whatever else there is, in little time', () => {
    const key = keyOf(verifier)
    fc.assert(fc.property(wildText, (any) => openNote(any, key) === null && openNote(`${text}\n${any}`, key) === null))
    expect(openNote(`${text}\n${'— a AAAAAAA=\n'.repeat(100)}${signed.split('\n\n')[1]}`, key)).toBeNull()
    expect(openNote('\n\n'.repeat(1_000_000), key)).toBeNull()
  })

  it('has keys of one kind, whose ids are their own', () => {
    for (const bad of [
      '',
      'a',
      'a+b',
      verifier.slice(0, -1),
      `${verifier}+x`,
      verifier.replace('c74f20a3', 'c74f20a4'),
      verifier.replace('c74f20a3', 'C74F20A3'),
      verifier.replace('Peter', 'Pete'),
      verifier.replace('+ARpc', '+Ahpc'),
      secret,
    ])
      expect(parseVerifierKey(bad), bad).toBeNull()
    fc.assert(fc.property(wildText, (any) => parseVerifierKey(any) === null))
    for (const bad of ['', verifier, secret.slice(0, -2), secret.replace('PeterN', 'PeterM')])
      expect(() => parseSignerKey(bad)).toThrow('no signing key')
    expect(['a', 'mail.example.com/log/1', 'ü'].map(isKeyName)).toEqual([true, true, true])
    expect(['', 'a b', 'a+b', 'a\u00a0b', 'a\nb'].map(isKeyName)).toEqual(Array(5).fill(false))
    expect(() => newSignerKey('a b', Buffer.alloc(32))).toThrow('no name')
  })

  it('of any name, text and key opens again', () => {
    const names = fc.stringMatching(/^[a-z0-9./-]{1,40}$/)
    const lines = fc.array(fc.stringMatching(/^[ -~]{0,20}$/), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(names, lines, fc.uint8Array({ minLength: 32, maxLength: 32 }), (name, some, seed) => {
        const key = parseSignerKey(newSignerKey(name, Buffer.from(seed)))
        const note = signNote(`${some.join('\n')}\n`, key)
        expect(openNote(note, keyOf(verifierKeyText(key)))).toBe(`${some.join('\n')}\n`)
      }),
      { numRuns: 50 },
    )
  })
})

describe('a checkpoint', () => {
  const key = signer('mail.ours.test/log/1')

  it('is three lines, signed in the name of the log', () => {
    const note = signCheckpoint({ size: 20_852_163, root }, key)
    expect(note.split('\n').slice(0, 4)).toEqual(['mail.ours.test/log/1', '20852163', Buffer.from(root, 'hex').toString('base64'), ''])
    expect(openCheckpoint(note, key)).toEqual({ origin: 'mail.ours.test/log/1', size: 20_852_163, root })
  })

  it('may have more lines, which are not read', () => {
    const lines = `${key.name}\n3\n${Buffer.from(root, 'hex').toString('base64')}\n`
    expect(openCheckpoint(signNote(`${lines}more\n`, key), key)).toMatchObject({ size: 3 })
    expect(openCheckpoint(signNote(`${lines}\nmore\n`, key), key)).toBeNull()
  })

  it('is refused in another name, with a size or a root that are none', () => {
    const coded = Buffer.from(root, 'hex').toString('base64')
    for (const bad of [
      `other.test/log\n3\n${coded}\n`,
      `${key.name}\n03\n${coded}\n`,
      `${key.name}\n-3\n${coded}\n`,
      `${key.name}\n3.5\n${coded}\n`,
      `${key.name}\n9999999999999999\n${coded}\n`,
      `${key.name}\n99999999999999999\n${coded}\n`,
      `${key.name}\n3\n${coded.slice(4)}\n`,
      `${key.name}\n3\n${coded.replace('=', '')}\n`,
      `${key.name}\n3\n`,
      `${key.name}\n`,
    ])
      expect(openCheckpoint(signNote(bad, key), key), bad).toBeNull()
  })

  it('is found in a letter, with either line end', () => {
    const note = signCheckpoint({ size: 7, root }, key)
    const letter = `Dear operator,\n\n3\n\n${note}\nKeep it.\n`
    expect(findCheckpoint(letter)).toBe(note)
    expect(findCheckpoint(letter.replaceAll('\n', '\r\n'))).toBe(note)
    expect(findCheckpoint(note)).toBe(note)
    expect(findCheckpoint(note.trimEnd())).toBe(note)
    expect(findCheckpoint(letter.replace('\n7\n', '\nseven\n'))).toBeNull()
    fc.assert(fc.property(wildText, (any) => findCheckpoint(any) === null))
  })
})
