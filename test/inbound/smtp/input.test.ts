import { describe, expect, it } from 'vitest'
import { Input, type Listening, type Next, commands, nothing } from '../../../server/inbound/smtp/input.ts'
import { cuts } from './desk.ts'

const feed = (input: Input, chunk: Buffer | string): Promise<void> =>
  new Promise((done) => void input.write(Buffer.from(chunk as string, 'latin1'), () => done()))

/** What is heard of these chunks, when each command that has a number in it announces so many octets. */
async function heard(chunks: readonly (Buffer | string)[], different: Partial<Listening> = {}): Promise<string[]> {
  const all: string[] = []
  let octets = ''
  const into = { add: (chunk: Buffer, from: number, to: number) => void (octets += chunk.toString('latin1', from, to)), stray: () => {} }
  const input = new Input({
    heard: () => true,
    command(line) {
      all.push(line.toString('latin1'))
      const count = /\d+/.exec(line.toString())
      if (line.toString() === 'text') return { read: 'text', into }
      return count === null ? commands : { read: 'octets', count: Number(count[0]), into }
    },
    unreadable(why) {
      all.push(`(${why})`)
      return nothing
    },
    taken() {
      all.push(`[${octets}]`)
      octets = ''
      return commands
    },
    quiet: () => {},
    ...different,
  })
  for (const chunk of chunks) await feed(input, chunk)
  return all
}

describe('what a client sends', () => {
  it('is the same wherever it is cut', async () => {
    const wire = 'one\r\n3\r\na\r\nb\r\n0\r\ntext\r\n.\r\ntext\r\n..x\r\n.\r\ntwo\r\n\r\nrest'
    const expected = ['one', '3', '[a\r\n]', 'b', '0', '[]', 'text', '[]', 'text', '[.x\r\n]', 'two', '']
    expect(await heard([wire])).toEqual(expected)
    for (const chunks of cuts(Buffer.from(wire))) expect(await heard(chunks)).toEqual(expected)
  })

  it.each(['a\nb\r\n', 'a\rb\r\n', 'a\r\r\nb\r\n', '\nb\r\n', 'a\0b\r\n', '\0'])(
    '%j holds what no command may: nothing of it is run',
    async (bad) => {
      const wire = Buffer.from(`one\r\n${bad}two\r\n`, 'latin1')
      for (const chunks of cuts(wire)) expect(await heard(chunks)).toEqual(['one', '(stray)'])
    },
  )

  it('may be a line of 2048 octets and no longer, whether its end comes or not', async () => {
    const [longest, tooLong] = ['a'.repeat(2_048), 'a'.repeat(2_049)]
    expect(await heard([`${longest}\r\n`])).toEqual([longest])
    expect(await heard([longest, '\r', '\n'])).toEqual([longest])
    expect(await heard([longest.slice(1), 'a\r\nb\r\n'])).toEqual([longest, 'b'])
    for (const chunks of [[`${tooLong}\r\n`], [tooLong], [longest, 'a'], ['a'.repeat(1_000_000)], [longest, 'a\r\n']])
      expect(await heard(chunks)).toEqual(['(too-long)'])
  })

  it('is no command without its end, when the connection is over', async () => {
    const all: string[] = []
    const input = new Input({
      heard: () => true,
      command: (line) => (all.push(line.toString()), commands),
      unreadable: () => nothing,
      taken: () => commands,
      quiet: () => {},
    })
    await feed(input, 'NOOP\r\nQUIT')
    await new Promise<void>((done) => void input.end(done))
    expect(all).toEqual(['NOOP'])
  })

  it('is dropped when it comes too early, and when nobody listens any more', async () => {
    expect(await heard(['one\r\n'], { heard: () => false })).toEqual([])
    const all: string[] = []
    expect(await heard(['one\r\ntwo\r\n', 'three\r\n'], { command: (line) => (all.push(line.toString()), nothing) })).toEqual([])
    expect(all).toEqual(['one'])
  })

  it('waits until what came before it is answered', async () => {
    const all: string[] = []
    const answered = Promise.withResolvers<Next>()
    const input = new Input({
      heard: () => true,
      command: (line) => (all.push(line.toString()), all.length === 1 ? answered.promise : commands),
      unreadable: () => nothing,
      taken: () => commands,
      quiet: () => {},
    })
    const fed = feed(input, 'one\r\ntwo\r\n')
    const more = feed(input, 'three\r\n')
    expect([all, input.unread]).toEqual([['one'], 'two\r\nthree\r\n'.length])
    answered.resolve(commands)
    await Promise.all([fed, more])
    expect([all, input.unread]).toEqual([['one', 'two', 'three'], 0])
  })

  it('lets others have their turn between thousands of commands', async () => {
    let turns = 0
    const count = (): void => {
      turns++
      timer = setImmediate(count)
    }
    let timer = setImmediate(count)
    expect(await heard(['x\r\n'.repeat(2_000)])).toHaveLength(2_000)
    clearImmediate(timer)
    expect(turns).toBeGreaterThanOrEqual(19)
  })
})
