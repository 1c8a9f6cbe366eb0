import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { subjectOf, verifySignatures } from '../../server/inbound/dkim/verify.ts'
import { splitMessage } from '../../server/model/headers.ts'
import { missingPeer, peerPath } from '../support/peers.ts'
import { createScratch } from '../support/scratch.ts'

const run = promisify(execFile)
const key = generateKeyPairSync('rsa', { modulusLength: 2048 })
const record = `v=DKIM1; k=rsa; p=${key.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`

/** The message with the signature that OpenDKIM says to put in front. */
async function signedByOpenDkim(message: string, canonicalization: string): Promise<Buffer> {
  const scratch = await createScratch('opendkim')
  try {
    const at = (name: string): string => join(scratch.path, name)
    await writeFile(at('message'), message, 'latin1')
    await writeFile(at('key.pem'), key.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 })
    await writeFile(at('conf'), `Canonicalization ${canonicalization}\nRequireSafeKeys no\n`)
    const signing = ['-b', 's', '-d', 'sender.example', '-D', '-s', 'sel', '-k', at('key.pem')]
    const { stdout } = await run(peerPath('opendkim'), ['-t', at('message'), '-x', at('conf'), ...signing, '-vv'], { encoding: 'latin1' })
    const [, value = ''] = /hname='DKIM-Signature' hvalue='([^']+)'/.exec(stdout) ?? []
    return Buffer.from(`DKIM-Signature: ${value.replaceAll(/\r?\n/g, '\r\n')}\r\n${message}`, 'latin1')
  } finally {
    await scratch.remove()
  }
}

const results = async (message: Buffer): Promise<string[]> =>
  (await verifySignatures(subjectOf(splitMessage(message)), { askKey: async () => ({ kind: 'found', record }), now: Date.now() })).map(
    ({ result, reason }) => [result, reason].filter(Boolean).join(': '),
  )

// What reads it for OpenDKIM leaves out all but one blank in front of a value, so there is one.
const header =
  'Received: from a by b;\r\n\tMon, 23 Nov 2026 10:00:00 +0000\r\nFrom: Bo   <bo@sender.example>\r\nTo: ann@ours.test,\r\n  al@ours.test\r\nSubject: a \t b\r\n'
const bodies = {
  'of a few words': 'Hello  Ann,\t\r\n\r\n  see   you. \r\n',
  'with empty lines at its end': 'Hello.\r\n\r\n\r\n',
  'of empty lines': '\r\n\r\n',
  'of nothing': '',
  'of blanks and tabs': ' \t \r\n\t\r\n',
  'with octets of every kind': `${Buffer.from(Array.from({ length: 256 }, (_, octet) => octet).filter((octet) => ![0, 10, 13].includes(octet))).toString('latin1')}\r\n`,
}

describe.skipIf(missingPeer('opendkim'))('what OpenDKIM signed', () => {
  const forms = ['simple/simple', 'simple/relaxed', 'relaxed/simple', 'relaxed/relaxed']

  it.each(forms.flatMap((form) => Object.entries(bodies).map(([what, body]) => [form, what, body] as const)))(
    'as %s, a letter %s, verifies; with an octet of a field or of the body changed it does not',
    async (form, _what, body) => {
      const message = await signedByOpenDkim(`${header}\r\n${body}`, form)
      expect(await results(message)).toEqual(['pass'])
      const wanted = [
        message.indexOf('Bo '),
        message.indexOf('ann@'),
        ...(body.trim() === '' ? [] : [message.indexOf(body.trim(), 0, 'latin1')]),
      ]
      for (const at of wanted) {
        const other = Buffer.from(message)
        other[at] = (other[at] ?? 0) ^ 1
        expect(await results(other)).toEqual([at < message.indexOf('\r\n\r\n') ? 'fail: bad signature' : 'fail: body hash did not verify'])
      }
    },
  )
})
