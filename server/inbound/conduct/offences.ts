/** What gets a visitor shown the door. Numbers beyond a session: how often somebody may do it in a day before being kept out for a while. */
import type { Reply } from '../../model/reply.ts'

export type Offence = 'early-talk' | 'not-smtp' | 'errors' | 'junk' | 'guessing' | 'bad-transactions' | 'loitering'

/** Reached, a network is kept out. All of it is forgiven within a day, a little at a time. */
export const fullCup = 35

const goodBye = (text: string): Reply => ({ code: 421, status: '4.7.0', text })

/** `points` of the cup; `reply` says good-bye. Stalwart's daily measure is behind both: 35 abuses, 150 times of loitering; whoever does not even
 *  speak SMTP, or went through a hundred names, has less. */
export const offences = {
  'early-talk': { points: 5, reply: { code: 554, status: '5.5.1', text: 'You spoke before the greeting' } },
  'not-smtp': { points: 5, reply: goodBye('This is a mail server') },
  errors: { points: 2, reply: goodBye('Too many errors') },
  junk: { points: 2, reply: goodBye('Too many commands that lead nowhere') },
  guessing: { points: 5, reply: goodBye('Too many recipients were refused') },
  'bad-transactions': { points: 2, reply: goodBye('Too many messages were not accepted') },
  // Seen when it is over.
  loitering: { points: fullCup / 150, reply: null },
} as const satisfies Readonly<Record<Offence, { points: number; reply: Reply | null }>>
