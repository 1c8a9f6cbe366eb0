// docs/model/table.txt is what the functions say of which docs/model/Proofs.v proves the promises; docs/model/check makes it. Here the TypeScript is asked
// each line of it.
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { type Autonomy, type AutonomyEvent, stepAutonomy } from '../../server/model/autonomy.ts'
import { type AttemptEnd, type Delivery, type DeliveryEvent, stepDelivery } from '../../server/model/delivery-life.ts'
import type { EmailStatus, OversightMode, SpamVerdict } from '../../server/model/email.ts'
import type { Hold, Release, Who } from '../../server/model/hold-life.ts'
import { type Life, type LifeEvent, moves, step } from '../../server/model/life.ts'

const orNull = (word: string): string | null => (word === '-' ? null : word)
const list = (word: string): string[] => (word === '-' ? [] : word.split('+'))
const fields = (text: string, between: string, count: number): string[] => {
  const parts = text.split(between)
  if (parts.length !== count) throw new Error(`${text} has not ${count} parts`)
  return parts
}

const who = (word: string): Who => ({ key: /k\d/.exec(word)?.[0] ?? null, person: /p\d/.exec(word)?.[0] ?? null })
const whoText = ({ key, person }: Who): string => `${key ?? ''}${person ?? ''}`

function holdOf(text: string): Hold | null {
  if (text === '-') return null
  const [state, hash, people, yes, editors, time] = fields(text, '/', 6) as [Hold['state'], string, string, string, string, string]
  return { state, hash, people: Number(people), yes: list(yes), editors: list(editors), isOver: time === 'over' }
}
const holdText = (hold: Hold | null): string =>
  hold === null
    ? '-'
    : [hold.state, hold.hash, hold.people, hold.yes.join('+') || '-', hold.editors.join('+') || '-', hold.isOver ? 'over' : 'left'].join(
        '/',
      )

function releaseOf(text: string): Release | null {
  if (text === '-') return null
  const [hash, grounds] = fields(text, '/', 2) as [string, Release['grounds']]
  return { hash, grounds }
}

function lifeOf(text: string): Life {
  const [status, hash, writers, waits, hold, release] = fields(text, ' ', 6) as [string, string, string, string, string, string]
  return {
    status: orNull(status) as EmailStatus | null,
    hash: orNull(hash),
    writers: list(writers).map(who),
    waits: waits === 'waits',
    hold: holdOf(hold),
    release: releaseOf(release),
  }
}
const lifeText = ({ status, hash, writers, waits, hold, release }: Life): string =>
  [
    status ?? '-',
    hash ?? '-',
    writers.map(whoText).join('+') || '-',
    waits ? 'waits' : 'now',
    holdText(hold),
    release === null ? '-' : `${release.hash}/${release.grounds}`,
  ].join(' ')

function deliveryOf(text: string): Delivery {
  const [state, lease, lapsed, wanted, maybe] = fields(text, '/', 5) as [Delivery['state'], string, string, string, string]
  return {
    state,
    lease: orNull(lease),
    hasLapsed: lapsed === 'lapsed',
    isTakenBack: wanted === 'taken_back',
    mayBeAccepted: maybe === 'maybe',
  }
}
const deliveryText = ({ state, lease, hasLapsed, isTakenBack, mayBeAccepted }: Delivery): string =>
  [state, lease ?? '-', hasLapsed ? 'lapsed' : 'kept', isTakenBack ? 'taken_back' : 'wanted', mayBeAccepted ? 'maybe' : 'no'].join('/')

const gateOf = (word: string) =>
  word.startsWith('hold') ? ({ outcome: 'hold', people: Number(word.slice(4)) } as const) : ({ outcome: word as 'allow' } as const)

function eventOf(text: string): LifeEvent {
  const [kind, a = '', b = '', c = '', d = '', e = ''] = text.split(':') as [LifeEvent['kind'], ...string[]]
  switch (kind) {
    case 'draft':
      return { kind, by: who(a) }
    case 'submit':
      return { kind, by: who(a), hash: b, gate: gateOf(c), waits: d === 'waits', atItsTime: e === 'at_its_time' }
    case 'edit':
      return { kind, by: who(a), hash: b, waits: c === 'waits' }
    case 'come_due':
      return { kind, gate: a === 'fail' ? { outcome: 'fail' } : gateOf(a) }
    case 'approve':
    case 'reject':
      return { kind, by: who(a), hash: b, playsBoth: c === 'both' }
    case 'reword':
      return { kind, by: who(a), hash: b, people: Number(c) }
    case 'undo':
      return { kind, waits: a === 'waits' }
    case 'take_back':
    case 'refuse':
      return { kind, deliveries: list(a).map(deliveryOf) }
    case 'arrive':
      return { kind, hash: a, isLetter: b === 'letter', isHeld: c === 'held', spam: orNull(d) as SpamVerdict | null }
    case 'postpone':
    case 'discard':
    case 'expire':
    case 'withdraw':
    case 'read':
    case 'report_spam':
    case 'clear_spam':
      return { kind }
  }
}

function deliveryEventOf(text: string): DeliveryEvent {
  const [kind, a = '', b = '', c = ''] = text.split(':') as [DeliveryEvent['kind'], ...string[]]
  switch (kind) {
    case 'claim':
      return { kind, lease: a, isStopped: b === 'stopped' }
    case 'settle':
      return { kind, lease: a, end: b as AttemptEnd, mayBeAccepted: c === 'maybe' }
    case 'put_back':
      return { kind, lease: a }
    case 'lapse':
    case 'take_back':
      return { kind }
  }
}

function autonomyOf(text: string): Autonomy {
  const [mode, asked] = fields(text, ' ', 2) as [OversightMode, string]
  if (asked === '-') return { mode, asked: null }
  const [from, to, tries, time] = fields(asked, '/', 4) as [OversightMode, OversightMode, string, string]
  return { mode, asked: { from, to, tries: Number(tries), isOver: time === 'over' } }
}
const autonomyText = ({ mode, asked }: Autonomy): string =>
  `${mode} ${asked === null ? '-' : [asked.from, asked.to, asked.tries, asked.isOver ? 'over' : 'left'].join('/')}`

function autonomyEventOf(text: string): AutonomyEvent {
  const [kind, a = ''] = text.split(':') as [AutonomyEvent['kind'], string?]
  return kind === 'present' ? { kind, fits: a === 'fits' } : { kind, to: a as OversightMode }
}

/** What the TypeScript makes of a state and an event, in the words of the table. */
const answers: Record<string, (state: string, event: string) => string> = {
  email(state, event) {
    const next = step(lifeOf(state), eventOf(event))
    return next.kind === 'moved' ? lifeText(next.life) : next.why
  },
  delivery(state, event) {
    const next = stepDelivery(deliveryOf(state), deliveryEventOf(event))
    return next.kind === 'moved' ? deliveryText(next.delivery) : next.why
  },
  autonomy(state, event) {
    const next = stepAutonomy(autonomyOf(state), autonomyEventOf(event))
    return next.kind === 'moved' ? autonomyText(next.autonomy) : next.why
  },
}

type Line = { of: string; state: string; event: string; answer: string }
function linesOf(table: string): Line[] {
  let [of, state] = ['', '']
  return table
    .trimEnd()
    .split('\n')
    .flatMap((line): Line[] => {
      if (!line.startsWith('  ')) {
        of = line.slice(0, line.indexOf(' '))
        state = line.slice(line.indexOf(' ') + 1)
        return []
      }
      const [event, answer] = line.trim().split(' -> ')
      if (answer !== undefined) return [{ of, state, event: event ?? '', answer }]
      const [why = '', ...refused] = line.trim().split(' ')
      return refused.map((one) => ({ of, state, event: one, answer: why }))
    })
}

const lines = linesOf(readFileSync(new URL('../../docs/model/table.txt', import.meta.url), 'utf8'))

describe('the table of the proved model', () => {
  it.each(['email', 'delivery', 'autonomy'])('says of an %s what the code says, line by line', (of) => {
    const ours = lines.filter((line) => line.of === of)
    expect(ours.length).toBeGreaterThan(500)
    const wrong = ours.flatMap((line) => {
      const answer = answers[of]?.(line.state, line.event)
      return answer === line.answer ? [] : [{ ...line, code: answer }]
    })
    expect(wrong).toEqual([])
  })

  it('asks of each kind of event, in each status', () => {
    const asked = new Set(
      lines.filter(({ of }) => of === 'email').map(({ state, event }) => `${state.split(' ')[0]} ${event.split(':')[0]}`),
    )
    const statuses = new Set([...asked].map((one) => one.split(' ')[0]))
    expect(statuses.size).toBe(14)
    for (const status of statuses) for (const kind of Object.keys(moves)) expect(asked).toContain(`${status} ${kind}`)
  })
})
