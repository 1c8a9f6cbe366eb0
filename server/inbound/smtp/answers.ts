/** What a command is answered, and what is read next. */
import type { Reply } from '../../model/reply.ts'
import { type Next, commands, nothing } from './input.ts'

/** `reply` null: nothing is said yet. `lines`: more lines in front of it. `message`: it answers a message of that many octets. */
export type Answer = {
  verb: string
  reply: Reply | null
  lines?: readonly string[]
  next: Next | { read: 'tls' }
  message?: number
}

export const say = (verb: string, code: number, status: Reply['status'], text: string): Answer => ({
  verb,
  reply: { code, status, text },
  next: commands,
})
export const sayAndClose = (verb: string, code: number, status: Reply['status'], text: string): Answer => ({
  ...say(verb, code, status, text),
  next: nothing,
})
