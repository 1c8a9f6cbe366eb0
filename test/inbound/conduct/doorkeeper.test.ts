import { describe, expect, it } from 'vitest'
import type { Visitor } from '../../../server/inbound/conduct/conduct.ts'
import { type Hall, createHall, ok, reply } from './hall.ts'

const minute = 60_000
const day = 86_400_000
const [bo, eve, gateway] = ['192.0.2.1', '198.51.100.1', '172.17.0.1']
const refused = reply('550 5.7.1 No')
const unknownUser = reply('550 5.1.1 No such user')

function bring(visitor: Visitor): void {
  visitor.saidHello('mail.remote.test')
  visitor.replied('EHLO', ok)
  expect(visitor.mayMail(5_000)).toBeNull()
  visitor.replied('MAIL', ok)
  visitor.replied('RCPT', ok)
  visitor.replied('DATA', reply('354 Go ahead'))
  expect(visitor.delivered(5_000, ok)).toEqual({ delayMs: 0, hangUp: null })
}

/** Somebody whose address shows that no NAT is in front. */
const showStranger = (hall: Hall): void => hall.enter('203.0.113.99').left()

describe('before the greeting', () => {
  it('a stranger waits a little, and whoever brought a message does not, for a day', async () => {
    const hall = createHall()
    const first = hall.enter(bo)
    expect(first.greetWaitMs).toBe(100)
    bring(first)
    first.left()
    expect(hall.enter(bo).greetWaitMs).toBe(0)
    expect(hall.enter(eve).greetWaitMs).toBe(100)
    await hall.clock.advance(day)
    expect(hall.enter(bo).greetWaitMs).toBe(100)
  })

  it('whoever brought a message that was refused still waits', () => {
    const hall = createHall()
    hall.enter(bo).delivered(10, refused)
    expect(hall.enter(bo).greetWaitMs).toBe(100)
  })

  it('an early talker is told so, and waits again next time; seven times, and its network is kept out for ten minutes', async () => {
    const hall = createHall()
    bring(hall.enter(bo))
    expect(hall.enter(bo).talkedEarly()).toMatchObject({ code: 554, status: '5.5.1' })
    expect(hall.enter(bo).greetWaitMs).toBe(100)
    for (let n = 1; n < 7; n++) hall.enter(bo).talkedEarly()
    expect(hall.refusal(bo)).toBe('421 4.7.0 Your network has misbehaved, try again later')
    expect(hall.said).toContain('info inbound.kept-out')
    hall.enter(eve)
    expect(await hall.count('inbound_offences_total{offence="early-talk"}')).toBe(7)
    expect(await hall.count('inbound_kept_out_total')).toBe(1)
    expect(await hall.count('inbound_connections_total{outcome="kept-out"}')).toBe(1)
    await hall.clock.advance(10 * minute)
    hall.enter(bo)
  })
})

describe('a session', () => {
  it('is shown the door for what is not SMTP', () => {
    expect(createHall().enter(eve).replied('GET', reply('500 5.5.2 What'))).toEqual({
      delayMs: 0,
      hangUp: { code: 421, status: '4.7.0', text: 'This is a mail server' },
    })
  })

  it('that is told good-bye is not told it twice', () => {
    expect(createHall().enter(eve).replied('', reply('421 4.7.0 This is a mail server'))).toEqual({ delayMs: 0, hangUp: null })
  })

  it('that guesses names waits, and is shown the door at the hundredth', async () => {
    const hall = createHall()
    const visitor = hall.enter(eve)
    visitor.replied('EHLO', ok)
    const delays = Array.from({ length: 99 }, () => visitor.replied('RCPT', unknownUser).delayMs)
    expect(delays.filter((ms) => ms === 0)).toHaveLength(5)
    expect(delays.filter((ms) => ms === 5_000)).toHaveLength(94)
    expect(visitor.replied('RCPT', unknownUser)).toMatchObject({ delayMs: 0, hangUp: { code: 421 } })
    expect(await hall.count('inbound_delays_total')).toBe(94)
    expect(await hall.count('inbound_delay_seconds_total')).toBe(470)
  })

  it('waits only while there is room to wait: beyond a tenth of all places it is shown the door, and not blamed', async () => {
    const hall = createHall({ maxConnections: 100 })
    const guess = (visitor: Visitor) => Array.from({ length: 6 }, () => visitor.replied('RCPT', unknownUser)).at(-1)
    const visitors = Array.from({ length: 10 }, (_, n) => hall.enter(`198.51.100.${n + 1}`))
    for (const visitor of visitors) expect(guess(visitor)).toMatchObject({ delayMs: 5_000 })
    expect(await hall.count('inbound_delays')).toBe(10)
    expect(guess(hall.enter(bo))).toEqual({ delayMs: 0, hangUp: expect.objectContaining({ code: 421, status: '4.3.2' }) })
    visitors[0]?.left()
    expect(guess(hall.enter(bo))).toMatchObject({ delayMs: 5_000 })
    await hall.clock.advance(5_000)
    expect(await hall.count('inbound_delays')).toBe(0)
  })

  it('that stays a minute and brings nothing was loitering; one that brought something was not', async () => {
    const hall = createHall()
    const [idle, useful, quick] = [hall.enter(eve), hall.enter(bo), hall.enter(bo)]
    bring(useful)
    quick.left()
    await hall.clock.advance(minute)
    idle.left()
    idle.left()
    useful.left()
    expect(await hall.count('inbound_offences_total{offence="loitering"}')).toBe(1)
    expect(await hall.count('inbound_sessions')).toBe(0)
  })

  it('counts what it brings', async () => {
    const visitor = createHall()
    const one = visitor.enter(bo)
    for (const answer of [ok, ok, refused, reply('451 4.7.0 Later')]) one.delivered(1_000, answer)
    expect(await visitor.count('inbound_messages_total{outcome="accepted"}')).toBe(2)
    expect(await visitor.count('inbound_messages_total{outcome="refused"}')).toBe(1)
    expect(await visitor.count('inbound_messages_total{outcome="deferred"}')).toBe(1)
    expect(await visitor.count('inbound_bytes_total')).toBe(4_000)
  })
})

describe('a network', () => {
  it('has thirty connections and no more, until one of them is over', async () => {
    const hall = createHall()
    const visitors = Array.from({ length: 30 }, () => hall.enter(bo))
    expect(hall.refusal(bo)).toBe('421 4.7.0 Too many connections from your network')
    expect(hall.refusal(`::ffff:${bo}`)).toMatch(/^421/)
    hall.enter('192.0.2.2')
    visitors[0]?.left()
    hall.enter(bo)
    expect(await hall.count('inbound_limits_total{limit="at-once",prefix="ipv4/32"}')).toBe(2)
    expect(hall.said.filter((event) => event === 'info inbound.limit-reached')).toHaveLength(1)
  })

  it('has three hundred connections a minute', () => {
    const hall = createHall()
    for (let n = 0; n < 300; n++) hall.enter('2001:db8::1').left()
    expect(hall.refusal('2001:db8::2')).toBe('421 4.7.0 Too many connections from your network within a minute')
    hall.enter('2001:db8:0:1::1')
  })

  it('may send five hundred messages or a gigabyte a minute, and then is asked to come later', async () => {
    const hall = createHall()
    const [often, much] = [hall.enter(bo), hall.enter(eve)]
    for (let n = 0; n < 500; n++) expect(often.mayMail(1)).toBeNull()
    expect(often.mayMail(1)).toEqual(reply('451 4.7.1 Too many messages from your network, try again later'))
    for (let n = 0; n < 40; n++) {
      expect(much.mayMail(25_000_000)).toBeNull()
      much.delivered(25_000_000, ok)
    }
    expect(much.mayMail(1)).toEqual(reply('451 4.7.1 Too much mail from your network, try again later'))
    await hall.clock.advance(2 * minute)
    expect(often.mayMail(1)).toBeNull()
    expect(much.mayMail(1)).toBeNull()
  })

  it('that the operator does not limit may do all of it, without a wait, and is not kept out', () => {
    const hall = createHall({ unlimited: ['192.0.2.0/24', '2001:db8::7'] })
    for (const ip of [bo, `::ffff:${bo}`, '2001:db8::7']) {
      for (let n = 0; n < 100; n++) expect(hall.enter(ip).greetWaitMs).toBe(0)
      for (let n = 0; n < 50; n++) hall.enter(ip).talkedEarly()
      const visitor = hall.enter(ip)
      for (let n = 0; n < 1_000; n++) expect(visitor.mayMail(1)).toBeNull()
    }
    for (let n = 0; n < 30; n++) hall.enter('2001:db8::8')
    hall.refusal('2001:db8::8')
  })

  it('is only watched when the operator says so: nobody is refused, and the numbers say who would have been', async () => {
    const hall = createHall({ limits: 'monitor' })
    for (let n = 0; n < 40; n++) hall.enter(bo)
    for (let n = 0; n < 20; n++) hall.enter(bo).talkedEarly()
    expect(await hall.count('inbound_limits_total{limit="at-once",prefix="ipv4/32"}')).toBe(30)
    expect(await hall.count('inbound_kept_out_total')).toBeGreaterThan(0)
    expect(await hall.count('inbound_connections_total{outcome="welcome"}')).toBe(60)
  })

  it('is not even counted when the operator says so', async () => {
    const hall = createHall({ limits: 'off' })
    for (let n = 0; n < 400; n++) hall.enter(bo).talkedEarly()
    expect(await hall.count('inbound_limits_total{limit="at-once",prefix="ipv4/32"}')).toBe(0)
    expect(await hall.count('inbound_kept_out_total')).toBe(0)
  })
})

describe('a full house', () => {
  it('asks who has been silent the longest to make room; never one whose message is on its way', async () => {
    const hall = createHall({ maxConnections: 10 })
    const visitors = Array.from({ length: 10 }, (_, n) => hall.enter(`198.51.100.${n}`))
    visitors[0]?.replied('DATA', reply('354 Go ahead'))
    visitors[1]?.receiving()
    const arrive = (sessionId: string) => hall.conduct.arrive({ ip: bo, sessionId })
    expect(hall.refusal(bo)).toBe('421 4.3.2 Too many connections at this moment, try again later')
    await hall.clock.advance(500)
    visitors[2]?.replied('NOOP', ok)
    await hall.clock.advance(500)
    expect(arrive('bo')).toMatchObject({ kind: 'welcome', inPlaceOf: 's4' })
    // It was asked once, and nobody else is let in while too many who were asked are still there.
    expect(hall.refusal(bo)).toMatch(/^421 4\.3\.2/)
    visitors[3]?.left()
    expect(arrive('bo2')).toMatchObject({ kind: 'welcome', inPlaceOf: 's5' })
    expect(await hall.count('inbound_made_room_total')).toBe(2)
    expect(await hall.count('inbound_connections_total{outcome="no-place"}')).toBe(2)
  })

  it('asks those first who speak for nothing: no message begun, none brought today', async () => {
    const hall = createHall({ maxConnections: 10 })
    bring(hall.enter(eve))
    const begun = hall.enter('198.51.100.2')
    begun.replied('MAIL', ok)
    hall.enter(eve)
    for (let n = 0; n < 7; n++) hall.enter(`203.0.113.${n}`)
    await hall.clock.advance(60_000)
    const named = Array.from({ length: 7 }, (_, n) => {
      const arrival = hall.conduct.arrive({ ip: bo, sessionId: `bo${n}` })
      return arrival.kind === 'welcome' ? (arrival.visitor.left(), arrival.inPlaceOf) : null
    })
    expect(named).toEqual(['s4', 's5', 's6', 's7', 's8', 's9', 's10'])
    expect(hall.conduct.arrive({ ip: bo, sessionId: 'bo8' })).toMatchObject({ inPlaceOf: 's1' })
  })

  it('counts nothing against a network that found no place', () => {
    const hall = createHall({ maxConnections: 10 })
    const visitors = Array.from({ length: 10 }, (_, n) => hall.enter(`198.51.100.${n}`))
    for (let n = 0; n < 400; n++) expect(hall.refusal(bo)).toMatch(/^421 4\.3\.2/)
    visitors[0]?.left()
    hall.enter(bo)
  })

  it('is short with everybody above 80 % of its places, until there is room again', async () => {
    const hall = createHall({ maxConnections: 100 })
    expect(hall.conduct.limits()).toMatchObject({ idleMs: 300_000 })
    const visitors = Array.from({ length: 81 }, (_, n) => hall.enter(`198.51.${n}.1`))
    expect(hall.conduct.limits()).toMatchObject({ idleMs: 10_000 })
    expect(hall.enter(bo).greetWaitMs).toBe(2_000)
    expect(visitors[0]?.replied('MAIL', refused)).toMatchObject({ hangUp: { code: 421 } })
    expect(await hall.count('inbound_overload')).toBe(1)
    for (const visitor of visitors.slice(0, 30)) visitor.left()
    expect(hall.conduct.limits()).toMatchObject({ idleMs: 10_000 })
    await hall.clock.advance(10_000)
    expect(hall.conduct.limits()).toMatchObject({ idleMs: 300_000 })
    expect(hall.said).toEqual(['warn inbound.overload-began', 'warn inbound.overload-ended'])
    expect(await hall.count('inbound_overload')).toBe(0)
  })

  it('does not hold against anybody what only overload forbids', () => {
    const hall = createHall()
    let work = 1
    hall.conduct.watch('work', () => work)
    for (let n = 0; n < 40; n++) {
      const visitor = hall.enter(bo)
      visitor.replied('EHLO', ok)
      expect(visitor.delivered(10, refused)).toMatchObject({ hangUp: { code: 421 } })
      visitor.left()
    }
    work = 0
    hall.enter(bo)
  })

  it.each(['memory', 'work'] as const)('is also one whose %s is nearly used up', (resource) => {
    const hall = createHall()
    hall.conduct.watch(resource, () => 0.95)
    expect(hall.conduct.limits()).toMatchObject({ idleMs: 10_000 })
  })
})

describe('behind a NAT', () => {
  const crowd = (hall: Hall, count = 20): void => {
    for (let n = 0; n < count; n++) {
      const visitor = hall.enter(gateway)
      visitor.saidHello(`mail${n % 2}.remote.test`)
      bring(visitor)
    }
  }

  it('says so loudly once an hour, and shows it', async () => {
    const hall = createHall()
    crowd(hall)
    expect(hall.conduct.networkView()).toEqual({ kind: 'hidden', address: gateway })
    crowd(hall)
    expect(await hall.count('inbound_network_hidden')).toBe(1)
    await hall.clock.advance(60 * minute)
    crowd(hall, 1)
    expect(hall.said.filter((event) => event === 'error inbound.network-hidden')).toHaveLength(2)
    showStranger(hall)
    expect(hall.conduct.networkView()).toEqual({ kind: 'direct' })
    expect(await hall.count('inbound_network_hidden')).toBe(0)
  })

  it('nobody is limited or kept out by an address that everybody has', () => {
    const hall = createHall()
    for (let n = 0; n < 50; n++) hall.enter(gateway).talkedEarly()
    for (let n = 0; n < 300; n++) hall.enter(gateway)
    const visitor = hall.enter(gateway)
    for (let n = 0; n < 5_000; n++) expect(visitor.mayMail(1)).toBeNull()
  })

  it('a session is still judged by its own manners', () => {
    const visitor = createHall().enter(gateway)
    expect(visitor.replied('GET', reply('500 5.5.2 What'))).toMatchObject({ hangUp: { code: 421 } })
  })

  it('of some, beside strangers with addresses: has the widest share, and is never kept out', () => {
    const hall = createHall()
    showStranger(hall)
    for (let n = 0; n < 50; n++) {
      const visitor = hall.enter(gateway)
      visitor.talkedEarly()
      visitor.left()
    }
    for (let n = 0; n < 270; n++) hall.enter(gateway)
    expect(hall.refusal(gateway)).toBe('421 4.7.0 Too many connections from your network')
  })

  it.each([
    ['server', bo, true],
    ['server', gateway, false],
    ['server', `::ffff:${gateway}`, false],
    ['server', '127.0.0.1', false],
    ['server', 'fd00::1', false],
    ['server', 'nonsense', false],
    ['local', '127.0.0.1', true],
  ] as const)('in %s mode the address %s is evidence: %s', (mode, ip, isEvidence) => {
    expect(createHall({}, { mode }).conduct.judgesByIp(ip)).toBe(isEvidence)
  })
})

describe('in local mode', () => {
  it('nobody waits, nobody is limited, and one address is as it should be', () => {
    const hall = createHall({}, { mode: 'local' })
    for (let n = 0; n < 500; n++) {
      const visitor = hall.enter('127.0.0.1')
      expect(visitor.greetWaitMs).toBe(0)
      visitor.saidHello(`host${n}`)
    }
    expect(hall.conduct.networkView()).toEqual({ kind: 'direct' })
    expect(hall.said).toEqual([])
  })
})

it('whoever has no address is not let in: the connection is gone already', () => {
  expect(createHall().refusal('')).toMatch(/^421/)
})
