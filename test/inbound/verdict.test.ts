import { expect, it } from 'vitest'
import { type Authentication, judgeMessage } from '../../server/inbound/verdict.ts'
import type { AuthenticationResults } from '../../server/model/verdict.ts'

type Dmarc = AuthenticationResults['dmarc']
const domain = 'remote.test'
const said = (dmarc: Partial<Dmarc>, more: Partial<Authentication> & { spf?: AuthenticationResults['spf'] } = {}): Authentication => ({
  author: more.author ?? 'one',
  unsure: more.unsure ?? false,
  results: {
    spf: more.spf ?? { result: 'none', domain: null },
    dkim: [],
    dmarc: { result: 'none', policy: null, domain, ...dmarc },
    arc: { result: 'none' },
  },
})

it.each<[what: string, input: Authentication, verdict: string]>([
  ['passed', said({ result: 'pass', policy: 'reject' }), 'accept'],
  ['no record', said({ result: 'none' }), 'accept'],
  ['a broken record', said({ result: 'permerror' }), 'accept'],
  ['failed, p=none', said({ result: 'fail', policy: 'none' }), 'accept'],
  ['failed, p=quarantine', said({ result: 'fail', policy: 'quarantine' }), 'junk quarantined'],
  ['failed, p=reject', said({ result: 'fail', policy: 'reject' }), 'refuse 550'],
  ['failed, p=reject, and a look-up failed', said({ result: 'fail', policy: 'reject' }, { unsure: true }), 'refuse 451'],
  ['failed, p=quarantine, and a look-up failed', said({ result: 'fail', policy: 'quarantine' }, { unsure: true }), 'refuse 451'],
  ['failed, p=none, and a look-up failed', said({ result: 'fail', policy: 'none' }, { unsure: true }), 'accept'],
  ['policy unknown for now', said({ result: 'temperror' }), 'refuse 451'],
  ['policy unknown, the author’s own domain passed SPF', said({ result: 'temperror' }, { spf: { result: 'pass', domain } }), 'accept'],
  [
    'policy unknown, a subdomain passed SPF',
    said({ result: 'temperror' }, { spf: { result: 'pass', domain: `mail.${domain}` } }),
    'refuse 451',
  ],
  ['nothing known at all', said({ result: 'temperror', domain: null }, { spf: { result: 'temperror', domain: null } }), 'refuse 451'],
  ['no author', said({}, { author: 'none' }), 'junk flagged'],
  ['several authors', said({}, { author: 'many' }), 'junk flagged'],
])('DMARC %s', (_what, input, verdict) => {
  const judged = judgeMessage(input)
  expect(judged.kind === 'refuse' ? `refuse ${judged.reply.code}` : [judged.kind, judged.spam].filter(Boolean).join(' ')).toBe(verdict)
})
