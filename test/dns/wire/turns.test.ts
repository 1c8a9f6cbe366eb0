import { describe, expect, it } from 'vitest'
import { createTurns } from '../../../dns/wire/turns.ts'

const patient = new AbortController().signal

describe('turns', () => {
  it('are given in order, as many at a time as there may be', async () => {
    const turns = createTurns({ atOnce: 2, waiting: 10 })
    const given: string[] = []
    const enter = (name: string) => turns.enter(patient).then((turn) => given.push(`${name} ${turn}`))
    const all = [enter('a'), enter('b'), enter('c'), enter('d')]
    await Promise.all(all.slice(0, 2))
    expect(given).toEqual(['a true', 'b true'])
    turns.leave()
    await all[2]
    expect(given).toEqual(['a true', 'b true', 'c true'])
    turns.leave()
    await all[3]
    turns.leave()
    turns.leave()
    await Promise.all([enter('e'), enter('f')])
    expect(given.slice(3)).toEqual(['d true', 'e true', 'f true'])
  })

  it('are refused when too many wait', async () => {
    const turns = createTurns({ atOnce: 1, waiting: 1 })
    await turns.enter(patient)
    const second = turns.enter(patient)
    expect(await turns.enter(patient)).toBe(false)
    turns.leave()
    expect(await second).toBe(true)
  })

  it('pass over who left the line', async () => {
    const turns = createTurns({ atOnce: 1, waiting: 2 })
    await turns.enter(patient)
    const tired = new AbortController()
    const second = turns.enter(tired.signal)
    const third = turns.enter(patient)
    tired.abort()
    expect(await second).toBe(false)
    turns.leave()
    expect(await third).toBe(true)
    const fourth = turns.enter(patient)
    turns.leave()
    expect(await fourth).toBe(true)
  })
})
