import { afterAll, describe, expect, it } from 'vitest'
import { createParser } from '../../server/inbound/parser.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openPostOffice, ourField } from './post-office.ts'

const parser = createParser({ log: silentLog })
afterAll(() => parser.close())

describe('STARTTLS', () => {
  describeOnEachEngine('upgrades', (openStore) => {
    it('encrypts with our certificate, forgets what came before, and says so in Received', async () => {
      const office = await openPostOffice(await openStore(), { parser })
      const client = await office.connect()
      await client.ask('MAIL FROM:<bo@remote.test>')
      expect(await client.ask('STARTTLS')).toMatch(/^220 /)
      const secured = await client.secure()
      expect(secured.getPeerCertificate().subject.CN).toBe('mx.ours.test')
      expect(await client.ask('MAIL FROM:<bo@remote.test>')).toMatch(/^503 /)
      expect(await client.ask('EHLO out.remote.test')).not.toContain('STARTTLS')
      expect(await client.send({ to: 'ann@ours.test', data: letter() })).toMatch(/^250 2\.0\.0 /)
      const [email] = await office.emails()
      expect(ourField(await office.raw(email!), 'received')).toMatch(/ with ESMTPS tls TLS_[A-Z0-9_]+ id em_/)
    })

    it('never runs what was sent in plain text behind STARTTLS', async () => {
      const office = await openPostOffice(await openStore(), { parser })
      const client = await office.connect()
      await client.write('STARTTLS\r\nEHLO evil.test\r\nMAIL FROM:<evil@remote.test>\r\nRCPT TO:<ann@ours.test>\r\n')
      expect(await client.reply()).toMatch(/^220 /)
      // The handshake meets a server that has read the injected lines; they are gone, or the connection is.
      await client.secure().catch(() => {})
      expect(await client.ask('DATA')).toMatch(/^(503 |closed)/)
      expect(client.said.filter((line) => line.startsWith('250 2.1'))).toEqual([])
      expect(await office.emails()).toEqual([])
    })

    it('takes no parameter, and no protocol older than TLS 1.2', async () => {
      const office = await openPostOffice(await openStore(), { parser })
      const client = await office.connect()
      expect(await client.ask('STARTTLS now')).toMatch(/^501 /)
      await client.ask('STARTTLS')
      await expect(client.secure({ maxVersion: 'TLSv1.1' })).rejects.toThrow()
    })
  })
})
