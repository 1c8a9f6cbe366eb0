import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createHost, openSession } from '../inbound/smtp/desk.ts'

/**
 * The order of commands (RFC 5321 §4.1.4, RFC 3030 §2, RFC 3207 §4.2), told by a model that is as small as the words of the RFC:
 * random sessions must get the replies it expects, and leave the messages it expects.
 */
type Model = {
  hello: boolean
  secure: boolean
  mail: { recipients: Set<string>; octets: string | null } | null
  stored: string[]
}

/** `send` is what goes over the wire; `expect` moves the model on and tells the code of the reply, of each of several. */
type Step = { send: string; expect(model: Model): number[] }

const maxRecipients = 3
const maxBytes = 10_000

const reset = (model: Model): void => {
  model.mail = null
}

const hello = (verb: string): Step => ({
  send: `${verb} a.test\r\n`,
  expect(model) {
    model.hello = true
    reset(model)
    return [250]
  },
})

const mail = (argument: string, whenSound: number): Step => ({
  send: `MAIL FROM:${argument}\r\n`,
  expect(model) {
    if (!model.hello || model.mail !== null) return [503]
    if (whenSound === 250) model.mail = { recipients: new Set(), octets: null }
    return [whenSound]
  },
})

const rcpt = (name: string, whenSound: number): Step => ({
  send: `RCPT TO:<${name}@ours.test>\r\n`,
  expect(model) {
    if (!model.hello || model.mail === null || model.mail.octets !== null) return [503]
    const { recipients } = model.mail
    if (recipients.size >= maxRecipients && !recipients.has(name)) return [452]
    if (whenSound === 250) recipients.add(name)
    return [whenSound]
  },
})

/** DATA, and the message when it is asked for. */
const data = (text: string): Step & { message: string } => ({
  send: 'DATA\r\n',
  message: `${text.replace(/^\./gm, '..')}.\r\n`,
  expect(model) {
    if (!model.hello || model.mail === null || model.mail.recipients.size === 0 || model.mail.octets !== null) return [503]
    reset(model)
    return [354, judged(model, text)]
  },
})

const bdat = (octets: string, last: boolean): Step => ({
  send: `BDAT ${octets.length}${last ? ' LAST' : ''}\r\n${octets}`,
  expect(model) {
    if (!model.hello || model.mail === null || model.mail.recipients.size === 0) return [503]
    model.mail.octets = (model.mail.octets ?? '') + octets
    const { octets: all } = model.mail
    if (all.length > maxBytes && !isStray(all.slice(0, all.length - octets.length))) {
      reset(model)
      return [552]
    }
    if (!last) return [250]
    reset(model)
    return [judged(model, all)]
  },
})

const isStray = (text: string): boolean => /\0|\r(?!\n)|(?<!\r)\n/.test(text)

function judged(model: Model, text: string): number {
  if (isStray(text)) return 550
  if (text.length > maxBytes) return 552
  model.stored.push(text)
  return 250
}

const plain = (line: string, code: number, does: (model: Model) => void = () => {}): Step => ({
  send: `${line}\r\n`,
  expect(model) {
    does(model)
    return [code]
  },
})

const startTls: Step = {
  send: 'STARTTLS\r\n',
  expect(model) {
    if (model.secure) return [503]
    model.secure = true
    model.hello = false
    reset(model)
    return [220]
  },
}

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom('a\r\n', '.\r\n', '', '..a\r\n\r\n', 'QUIT\r\n', 'RCPT TO:<x@y.test>\r\n') },
  { weight: 1, arbitrary: fc.constantFrom('a\nb\r\n', 'a\rb\r\n', '\0\r\n', `${'x'.repeat(5_998)}\r\n`, `${'x'.repeat(10_001)}\r\n`) },
)
const often = fc.oneof(
  fc.constantFrom(hello('EHLO'), hello('HELO')),
  fc.constantFrom(mail('<bo@remote.test>', 250), mail('<>', 250)),
  fc.constantFrom(rcpt('ann', 250), rcpt('bea', 250), rcpt('cid', 250), rcpt('dan', 250)),
  text.map(data),
  fc.tuple(fc.oneof(text, fc.constantFrom('a', '\r\n', '\r', '\n')), fc.boolean()).map(([octets, last]) => bdat(octets, last)),
)
const seldom = fc.constantFrom(
  mail('<bo@remote.test> SIZE=10001', 552),
  mail('<bo@remote.test> X=1', 555),
  mail('bo', 501),
  rcpt('nobody', 550),
  plain('RSET', 250, reset),
  plain('NOOP', 250),
  plain('VRFY ann', 252),
  plain('EXPN all', 502),
  plain('XYZZY', 500),
  plain('EHLO', 501),
  plain('DATA x', 501),
  plain('RSET x', 501),
  startTls,
)
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: often }, { weight: 1, arbitrary: seldom }), { maxLength: 40, size: 'max' })

describe('any order of commands', () => {
  it('gets the replies and leaves the messages that the model expects', async () => {
    await fc.assert(
      fc.asyncProperty(steps, async (script) => {
        const model: Model = { hello: false, secure: false, mail: null, stored: [] }
        const host = createHost({ maxRecipients, maxMessageBytes: maxBytes })
        const session = openSession(host)
        for (const step of script) {
          const before = session.said.length
          const codes = step.expect(model)
          await session.feed(step.send)
          if ('message' in step && codes[0] === 354) await session.feed(step.message)
          expect([step.send.slice(0, 40), session.said.slice(before).map(({ code }) => code)]).toEqual([step.send.slice(0, 40), codes])
        }
        expect(host.received.map(({ bytes }) => bytes.toString('latin1'))).toEqual(model.stored)
        session.close()
        expect(host.budget.share()).toBe(0)
      }),
      { numRuns: 400 },
    )
  })
})
