import { afterAll, describe, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { letter } from '../support/remote-sender.ts'
import { describeOnEachEngine } from '../support/stores.ts'
import { openPostOffice, ourField } from './post-office.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

describe('STARTTLS', () => {
  describeOnEachEngine('upgrades', (openStore) => {
    it('encrypts with our certificate, forgets what came before, and says so in Received', async () => {
      const office = await openPostOffice(await openStore(), { workers })
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

    it('takes REQUIRETLS, and the row keeps it (RFC 8689)', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const client = await office.connect()
      expect(await client.ask('MAIL FROM:<bo@remote.test> REQUIRETLS')).toMatch(/^530 5\.7\.10 /)
      await client.ask('STARTTLS')
      await client.secure()
      expect(await client.ask('EHLO out.remote.test')).toContain('REQUIRETLS')
      expect(await client.send({ to: 'ann@ours.test', data: letter(), parameters: ' REQUIRETLS' })).toMatch(/^250 /)
      expect(await client.send({ to: 'ann@ours.test', data: letter() })).toMatch(/^250 /)
      expect((await office.emails()).map((email) => email.require_tls)).toEqual([1, 0])
    })

    it('hangs up when anything was sent in plain text behind STARTTLS, and runs none of it', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      for (const behind of ['EHLO evil.test\r\nMAIL FROM:<evil@remote.test>\r\n', 'RSET\r\n', 'x', '\0']) {
        const client = await office.connect()
        await client.write(`STARTTLS\r\n${behind}`)
        expect(await client.reply()).toBe('554 5.5.0 Nothing may be sent behind STARTTLS before the handshake')
        expect(await client.reply()).toBe('closed')
      }
      expect(await office.emails()).toEqual([])
    })

    it('takes no parameter, and no protocol older than TLS 1.2', async () => {
      const office = await openPostOffice(await openStore(), { workers })
      const client = await office.connect()
      expect(await client.ask('STARTTLS now')).toBe('501 5.5.4 STARTTLS takes no argument')
      await client.ask('STARTTLS')
      await expect(client.secure({ maxVersion: 'TLSv1.1' })).rejects.toThrow()
    })
  })
})
