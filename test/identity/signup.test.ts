import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Challenge, challengeLifeMs, checkSolution, makeChallenge } from '../../server/identity/signup/challenge.ts'
import { createLimits, resendAfterMs } from '../../server/identity/signup/limits.ts'
import { networkOf } from '../../server/doors/lookups.ts'
import { codesLetter, knownLetter } from '../../server/identity/signup/letters.ts'
import { likeSlug, slugFor, whyNoSlug } from '../../server/identity/signup/slug.ts'
import { sha256 } from '../../server/model/canonical.ts'
import { solved } from '../support/signup.ts'
import { createVirtualClock } from '../support/virtual-clock.ts'

const secret = 'a secret'
const now = Date.parse('2026-03-02T09:00:00Z')
const email = 'ann@elsewhere.example'
const fresh = (of: Partial<Parameters<typeof makeChallenge>[1]> = {}): Challenge => makeChallenge(secret, { email, most: 200, now, ...of })
const check = (solution: Parameters<typeof checkSolution>[1], of: { email?: string; now?: number; secret?: string } = {}) =>
  checkSolution(of.secret ?? secret, solution, { email: of.email ?? email, now: of.now ?? now })

describe('a challenge', () => {
  it('is as the contract has it: SHA-256 over salt and number is the challenge', () => {
    const challenge = fresh()
    expect(challenge).toEqual({
      algorithm: 'SHA-256',
      challenge: expect.stringMatching(/^[0-9a-f]{64}$/),
      maxnumber: 200,
      salt: expect.stringMatching(/&$/),
      signature: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    const solution = solved(challenge)
    expect(sha256(challenge.salt + String(solution.number))).toBe(challenge.challenge)
    expect(check(solution)).toEqual({ ok: true, value: { digest: expect.stringMatching(/^[0-9a-f]{64}$/) } })
  })

  it('does not tell for whom it is, and is not the same twice', () => {
    expect(JSON.stringify(fresh())).not.toContain('ann')
    expect(new Set(Array.from({ length: 50 }, () => fresh().salt)).size).toBe(50)
  })

  it('costs twice as much when it is for nobody in particular, and is good for everybody then', () => {
    const challenge = fresh({ email: null })
    expect(challenge.maxnumber).toBe(400)
    expect(check(solved(challenge), { email: 'bo@elsewhere.example' }).ok).toBe(true)
  })

  it('is good for the address it was made for, for five minutes, on this installation', () => {
    const solution = solved(fresh())
    const refused = { ok: false, code: 'CHALLENGE_NOT_ACCEPTED' }
    expect(check(solution, { email: 'bo@elsewhere.example' })).toMatchObject(refused)
    expect(check(solution, { now: now + challengeLifeMs - 1 }).ok).toBe(true)
    expect(check(solution, { now: now + challengeLifeMs })).toMatchObject(refused)
    expect(check(solution, { secret: 'another' })).toMatchObject(refused)
  })

  it('cannot be made easier, longer, or for somebody else: any change of a solution spoils it', () => {
    const solution = solved(fresh())
    const easy = { ...solution, challenge: sha256(`${solution.salt}1`), number: 1 }
    const later = { ...solution, salt: solution.salt.replace(/expires=\d+/, `expires=${now}`) }
    const anybody = { ...solution, salt: solution.salt.replace(/for=\w+/, 'for=any') }
    const other = solved(fresh())
    const mixed = [
      { ...solution, number: solution.number + 1 },
      { ...solution, salt: other.salt },
      { ...solution, challenge: other.challenge },
      { ...solution, signature: other.signature },
    ]
    for (const one of [easy, later, anybody, ...mixed]) expect(check(one)).toMatchObject({ ok: false })
  })

  // Where the salt ends without a mark, "…expires=1" and "23" hash like "…expires=12" and "3".
  it('lets no digit be moved from the number to the salt', () => {
    const solution = solved(fresh({ most: 100_000 }))
    const digits = String(solution.number)
    for (let cut = 1; cut < digits.length; cut++) {
      const moved = { ...solution, salt: solution.salt + digits.slice(0, cut), number: Number(digits.slice(cut)) }
      expect(check(moved)).toMatchObject({ ok: false })
    }
  })

  it('is told from anything else', () => {
    const solution = solved(fresh())
    fc.assert(
      fc.property(
        fc
          .record({ challenge: fc.string(), salt: fc.string(), signature: fc.string(), number: fc.integer() }, { requiredKeys: [] })
          .filter(
            (change) => Object.keys(change).length > 0 && Object.entries(change).some(([key, value]) => value !== solution[key as 'salt']),
          ),
        (change) => {
          expect(check({ ...solution, ...change }).ok).toBe(false)
        },
      ),
    )
  })
})

describe('the limits of what needs no key', () => {
  const network = { name: '192.0.2.1', isInside: false }

  it('are those of one network in one hour', async () => {
    const clock = createVirtualClock(now)
    const limits = createLimits(clock)
    for (let n = 0; n < 5; n++) expect(limits.take('confirm', network)).toBe(0)
    expect(limits.take('confirm', network)).toBe(3_600_000)
    expect(limits.take('claim', network)).toBe(0)
    expect(limits.take('confirm', { name: '192.0.2.2', isInside: false })).toBe(0)
    for (let n = 0; n < 6; n++) expect(limits.take('confirm', { name: '10.0.0.1', isInside: true })).toBe(0)
    await clock.advance(3_600_000)
    expect(limits.take('confirm', network)).toBe(0)
  })

  it('keep little: of too many networks new ones wait', () => {
    const limits = createLimits(createVirtualClock(now))
    for (let n = 0; n < 10_000; n++) limits.take('slug', { name: `n${n}`, isInside: false })
    expect(limits.take('slug', { name: 'one more', isInside: false })).toBeGreaterThan(0)
    expect(limits.take('slug', { name: 'n1', isInside: false })).toBe(0)
    // Nor are those of one step in the way of another.
    expect(limits.take('confirm', { name: 'one more', isInside: false })).toBe(0)
  })

  it('are, with IPv6, also those of a site, whichever of its networks is used', () => {
    const limits = createLimits(createVirtualClock(now))
    const from = (ip: string) => limits.take('confirm', networkOf(ip))
    for (let n = 0; n < 20; n++) expect([n, from(`2a00:1:2:${n}::1`)]).toEqual([n, 0])
    expect(from('2a00:1:2:ffff::1')).toBe(3_600_000)
    expect(from('2a00:1:3:ffff::1')).toBe(0)
    for (let n = 0; n < 5; n++) expect(from(`2a00:2:2:2::${n}`)).toBe(0)
    expect(from('2a00:2:2:2::9')).toBe(3_600_000)
    expect(from('192.0.2.1')).toBe(0)
  })

  it('let a letter be asked for again after five minutes, whether there was one or not', async () => {
    const clock = createVirtualClock(now)
    const limits = createLimits(clock)
    expect([limits.again(email), limits.again(email), limits.again('bo@elsewhere.example')]).toEqual([0, resendAfterMs, 0])
    await clock.advance(resendAfterMs)
    expect(limits.again(email)).toBe(0)
  })
})

describe('a slug', () => {
  it('is what an address can begin with, and no name of whoever runs the server', () => {
    for (const good of ['abc', 'ann-s-shop', '1a2', 'x'.repeat(40)]) expect([good, whyNoSlug(good)]).toEqual([good, null])
    for (const bad of ['ab', '-ab', 'ab-', 'Abc', 'a.b.c', 'a_b', 'a b', 'x'.repeat(41), 'münchen', 'a@b', '', 'abc\n'])
      expect([bad, whyNoSlug(bad)]).toEqual([bad, 'invalid'])
    // RFC 2142 §3–§5 and §7, RFC 5321 §4.5.1, those to which certificates are confirmed, and what people take for the house.
    const ofTheHouse = `info marketing sales support abuse noc security postmaster hostmaster usenet news webmaster www uucp ftp mailer-daemon
      admin administrator root ssladmin ssl-admin ssl-administrator ssl-webmaster sysadmin dmarc dkim tls-reports no-reply noreply it-support itsupport
      helpdesk help-desk billing invoices accounts payroll human-resources ceo cfo security-team multimail webmail autodiscover`
    for (const ours of ofTheHouse.split(/\s+/)) expect([ours, whyNoSlug(ours)]).toEqual([ours, 'reserved'])
  })

  it('is made of any name, and so are others like it', () => {
    expect([slugFor('Ann’s Shop'), slugFor('Zoë'), slugFor('李'), slugFor('Admin'), slugFor('  ')]).toEqual([
      'ann-s-shop',
      'zoe',
      'agent',
      'agent-admin',
      'agent',
    ])
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (name) => {
        const slug = slugFor(name)
        for (const one of [slug, ...likeSlug(slug)]) expect([one, whyNoSlug(one)]).toEqual([one, null])
      }),
    )
  })
})

describe('the letters', () => {
  it('have one subject, and nothing in them that is not ours', () => {
    const facts = {
      publicUrl: 'https://mail.ours.test',
      address: 'ann@ours.test',
      mode: 'gated_send' as const,
      endsAt: now,
      byAgent: false,
    }
    const codes = codesLetter({ ...facts, code: 'AAA-BBB-CCC', ownerCode: 'DDD-EEE-FFF' })
    const known = knownLetter(facts.publicUrl)
    expect(codes.subject).toBe(known.subject)
    expect(codes.body).toContain('https://mail.ours.test/confirm')
    expect(known.body).not.toMatch(/agent:|yours:/)
  })
})
