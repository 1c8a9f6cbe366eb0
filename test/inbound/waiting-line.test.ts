import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Origin, createWaitingLine } from '../../server/inbound/examine/waiting-line.ts'

type Job = { name: string; origin: Origin }

/** `a.1.x`: the host x in the part 1 of the network a. */
const originOf = (host: string): Origin => {
  const [wide, middle, narrow] = host.split('.')
  return [`${wide}`, `${wide}.${middle}`, `${wide}.${middle}.${narrow}`]
}
const lineOf = (...hosts: string[]) => {
  const line = createWaitingLine<Job>()
  for (const [number, host] of hosts.entries()) line.arrive({ name: `${host} ${number}`, origin: originOf(host) })
  return line
}
function turnsOf(line: ReturnType<typeof lineOf>): string[] {
  const turns: string[] = []
  for (let job = line.next(); job !== undefined; job = line.next()) {
    line.take(job)
    turns.push(job.name)
  }
  return turns
}

it('gives each network a turn, and each its own in their order', () => {
  const line = lineOf('a.1.x', 'a.1.x', 'a.2.y', 'b.1.x', 'c.1.x', 'c.1.x')
  expect(turnsOf(line)).toEqual(['a.1.x 0', 'b.1.x 3', 'c.1.x 4', 'a.1.x 1', 'c.1.x 5', 'a.2.y 2'])
  expect(line.length).toBe(0)
})

it('begins with those whose turn was before', () => {
  const line = lineOf('a.1.x', 'b.1.x')
  const first = line.next()
  if (first !== undefined) line.take(first)
  line.putBack(first === undefined ? [] : [first])
  expect(turnsOf(line)).toEqual(['a.1.x 0', 'b.1.x 1'])
})

describe('when every place is taken', () => {
  it.each<[newcomer: string, here: string[], displaced: string | undefined, why: string]>([
    ['b.1.x', ['a.1.x', 'a.1.x', 'a.1.x'], 'a.1.x 2', 'the last of the network that has the most'],
    ['b.1.x', ['a.1.x', 'a.2.x', 'a.3.x', 'a.4.x'], 'a.4.x 3', 'though each of its hosts has one only'],
    ['b.1.x', ['a.1.x', 'a.2.y', 'a.2.y', 'a.2.z'], 'a.2.y 2', 'of its largest part the last'],
    ['a.9.x', ['a.1.x', 'a.1.y', 'a.1.z', 'b.1.x', 'b.2.x', 'b.3.x'], 'a.1.z 2', 'within the newcomer’s own network its largest part'],
    ['a.1.y', ['a.1.x', 'a.1.x', 'a.1.x'], 'a.1.x 2', 'within its own part the host that has the most'],
    ['b.1.x', ['a.1.x', 'b.1.x', 'c.1.x'], undefined, 'nobody when all have one'],
    ['b.1.x', ['b.1.x', 'a.1.x', 'a.1.x'], undefined, 'nobody for a difference of one'],
    ['a.1.x', ['a.1.x', 'a.1.x', 'a.1.x'], undefined, 'nobody for one of themselves'],
  ])('%s comes to %j: %s, %s', (newcomer, here, displaced) => {
    expect(lineOf(...here).displace(originOf(newcomer))?.name).toBe(displaced)
  })

  it('counts also those that do not wait any more, until they have ended', () => {
    const line = lineOf('a.1.x', 'a.1.x', 'c.1.x')
    const working = line.next()
    if (working !== undefined) line.take(working)
    expect(line.displace(originOf('b.1.x'))?.name).toBe('a.1.x 1')
    for (const job of [working, working]) if (job !== undefined) line.left(job)
    expect(line.displace(originOf('b.1.x'))).toBe(null)
  })
})

it('keeps nobody out who comes with one, whatever the others send', () => {
  const hosts = fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.nat({ max: 2 }), fc.nat({ max: 2 })), { maxLength: 60 })
  fc.assert(
    fc.property(hosts, (arrivals) => {
      const places = 6
      const line = createWaitingLine<Job>()
      const arrive = (origin: Origin): boolean => {
        const gone = line.length < places ? undefined : line.displace(origin)
        if (gone === null) return false
        if (gone !== undefined) line.left(gone)
        line.arrive({ name: origin.join(' '), origin })
        return true
      }
      for (const [wide, middle, narrow] of arrivals) arrive(originOf(`${wide}.${middle}.${narrow}`))
      expect(arrive(originOf('d.1.x'))).toBe(true)
      expect(line.length).toBeLessThanOrEqual(places)
      expect(turnsOf(line).slice(0, 4)).toContain(originOf('d.1.x').join(' '))
    }),
  )
})
