import { expect, it } from 'vitest'
import type { Zone } from '../../dns/zone.ts'
import { isReadHere } from '../../server/store/operator-address.ts'
import { type Answer, type Desk, openDesk } from '../support/desk.ts'
import { describeOnEachEngine } from '../support/stores.ts'

type Published = { type: string; name: string; value: string }

/** As whoever runs the domain would, by what the answer says. */
function publish(zone: Zone, { body }: Answer, purposes: readonly string[]): void {
  const records = body['dns_records'] as Record<string, Published[]>
  for (const { type, name, value } of purposes.flatMap((purpose) => records[purpose] ?? [])) {
    const [priority = '', exchange = ''] = value.split(' ')
    zone[name] = { ...zone[name], ...(type === 'MX' ? { MX: [{ priority: Number(priority), exchange }] } : { TXT: [value] }) }
  }
}

const add = (desk: Desk, domain: string, key = desk.ours.keys.admin) => desk.call(key, 'POST', '/v1/domains', { domain })
const verify = (desk: Desk, id: unknown, key = desk.ours.keys.admin) => desk.call(key, 'POST', `/v1/domains/${String(id)}/verify`)

describeOnEachEngine('domains', (openStore) => {
  it('are pending until the DNS shows the keys that were made for them, and active for good then', async () => {
    const zone: Zone = {}
    const desk = await openDesk(openStore, { zone })
    const made = await add(desk, 'Shop.Example.')
    expect(made).toMatchObject({
      status: 201,
      body: { domain: 'shop.example', status: 'pending', dkim_verified: false, verified_at: null, findings: [] },
    })
    const { id } = made.body
    publish(zone, made, ['mx', 'spf'])
    expect((await verify(desk, id)).body).toMatchObject({
      status: 'pending',
      mx_verified: true,
      spf_verified: true,
      return_path_verified: true,
      dkim_verified: false,
      verified_at: null,
    })
    const keys = Object.keys((made.body['dns_records'] as { dkim: object[] }).dkim)
    expect(keys.length).toBe(2)
    publish(zone, made, ['dkim'])
    const proved = await verify(desk, id)
    expect(proved).toMatchObject({ status: 200, body: { status: 'active', dkim_verified: true, verified_at: expect.stringMatching(/Z$/) } })
    expect(proved.body).not.toHaveProperty('dns_records')
    for (const name of Object.keys(zone)) zone[name] = { SERVFAIL: true }
    expect((await verify(desk, id)).body).toMatchObject({
      status: 'active',
      dkim_verified: false,
      verified_at: proved.body['verified_at'],
    })
    expect((await desk.call(desk.ours.keys.admin, 'GET', `/v1/domains/${String(id)}`)).body).toMatchObject({
      status: 'active',
      dns_records: {},
    })
  })

  it('are not proved by the keys of another domain', async () => {
    const zone: Zone = {}
    const desk = await openDesk(openStore, { zone })
    const made = await add(desk, 'shop.example')
    const records = (made.body['dns_records'] as Record<string, Published[]>)['dkim'] ?? []
    for (const { name } of records) zone[name] = { TXT: ['v=DKIM1; k=rsa; p=MIIB'] }
    expect((await verify(desk, made.body['id'])).body).toMatchObject({ status: 'pending', dkim_verified: false })
  })

  it('have one account each, and nobody learns whose', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.theirs.keys
    const made = await add(desk, 'shop.example')
    const [foreign, own] = [await add(desk, 'shop.example', admin), await add(desk, 'shop.example')]
    const words = ({ status, body }: Answer) => ({ status, ...body, request_id: '' })
    expect(words(foreign)).toEqual(words(own))
    expect(foreign).toMatchObject({ status: 409, body: { code: 'DOMAIN_NOT_FREE' } })
    expect(JSON.stringify((await desk.call(admin, 'GET', '/v1/domains')).body)).not.toContain('shop')
    expect((await verify(desk, made.body['id'], admin)).status).toBe(404)
    for (const name of ['', 'com', 'a b.example', '1.2.3.4', 'x'.repeat(300)]) expect((await add(desk, name)).status).toBe(400)
  })

  it('take nothing over while they are pending: no mail, no address of the operator', async () => {
    const desk = await openDesk(openStore)
    const domain = 'ours-test.example'
    expect((await add(desk, domain)).status).toBe(201)
    expect(await isReadHere(desk.store.db, `boss@${domain}`)).toBe(false)
    const key = await desk.call(desk.ours.keys.admin, 'POST', '/v1/api-keys', { name: 'more' })
    expect(key.body['message']).toContain(`b…@${domain}`)
  })

  it('are deleted only when nobody ever had an address there', async () => {
    const desk = await openDesk(openStore)
    const { admin } = desk.ours.keys
    const [used] = (await desk.call(admin, 'GET', '/v1/domains')).body['domains'] as { id: string }[]
    const remove = (id: unknown) => desk.call(admin, 'DELETE', `/v1/domains/${String(id)}`)
    expect(await remove(used?.id)).toMatchObject({ status: 409, body: { code: 'DOMAIN_IN_USE' } })
    const made = await add(desk, 'shop.example')
    expect(await remove(made.body['id'])).toMatchObject({ status: 200, body: { status: 'deleted' } })
    expect((await remove(made.body['id'])).status).toBe(404)
    expect((await add(desk, 'shop.example')).status).toBe(201)
  })

  it('are no affair of test keys', async () => {
    const desk = await openDesk(openStore)
    const { testAdmin } = desk.ours.keys
    expect(await add(desk, 'shop.example', testAdmin)).toMatchObject({ status: 403, body: { code: 'LIVE_KEY_NEEDED' } })
    expect((await desk.call(testAdmin, 'GET', '/v1/domains')).body).toEqual({ domains: [] })
  })
})
