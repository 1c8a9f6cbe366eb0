import { z } from 'zod'
import { eventTypes } from '../store/events.ts'

/** The events a webhook can be told of, in the words of every generation of clients (contract §10.1); kept in our own. */

const subscribable = eventTypes.filter((type) => type !== 'webhook.test')
const groups = [...new Set(subscribable.map((type) => `${type.slice(0, type.indexOf('.'))}.*`))]
const names = new Set<string>(['*', ...groups, ...subscribable])

const shortNames: Readonly<Record<string, string>> = {
  inbound: 'message.received',
  received: 'message.received',
  sent: 'message.sent',
  delivery: 'message.delivered',
  delivered: 'message.delivered',
  bounce: 'message.bounced',
  bounced: 'message.bounced',
  complaint: 'message.complained',
  open: 'message.opened',
  all: '*',
}

/** In our words; null when it is none of ours. */
export function eventNameOf(text: string): string | null {
  const plain = text.trim().toLowerCase()
  const name = Object.hasOwn(shortNames, plain) ? shortNames[plain] : plain.replace(/^email\./, 'message.')
  return name !== undefined && names.has(name) ? name : null
}

const longestName = 60
const mostNames = 40

export const EventNames = z
  .array(
    z
      .string()
      .max(longestName)
      .transform((text, ctx): string => {
        const name = eventNameOf(text)
        if (name !== null) return name
        ctx.addIssue({ code: 'custom', message: `must be one of ${[...names].join(', ')}` })
        return z.NEVER
      }),
  )
  .min(1)
  .max(mostNames)
  .transform((all) => [...new Set(all)])
  .describe(`What to be told of: ${[...names].join(', ')}`)
