/** What providers say when we are too fast for them, and what we do about it. Each row quotes the reply that taught us; first match wins. */
import type { ProviderName } from './providers.ts'

const minute = 60_000
const hour = 60 * minute

/** `suspend`: nothing goes there. `slow`: so few connections and messages in a minute. Both for `ms`. */
export type Measure = { kind: 'suspend'; ms: number } | { kind: 'slow'; ms: number; perMinute: number; connections: number }

export type Rule = {
  name: string
  /** null: whoever says it */
  by: ProviderName | null
  when: RegExp
  /** how often it has to be said within how long before anything is done */
  after: { times: number; withinMs: number }
  measure: Measure
  seen: string
}

const atOnce = { times: 1, withinMs: minute }

/** The first four from KumoMTA's shaping rules, as the providers. */
export const rules: readonly Rule[] = [
  {
    name: 'tss04',
    by: null,
    when: /\[TSS04\]/i,
    after: atOnce,
    measure: { kind: 'suspend', ms: 2 * hour },
    seen: '421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints - 4.16.55.1',
  },
  {
    name: 'temporarily-deferred',
    by: null,
    when: /temporarily deferred|weren['’]t sent/i,
    after: atOnce,
    measure: { kind: 'slow', ms: 90 * minute, perMinute: 1, connections: 1 },
    seen: '421 4.7.0 [TSS01] Messages from 192.0.2.1 temporarily deferred due to user complaints - 4.16.55.1',
  },
  {
    name: 'ip-reputation',
    by: null,
    when: /rate limited due to IP reputation/i,
    after: atOnce,
    measure: { kind: 'slow', ms: 90 * minute, perMinute: 1, connections: 1 },
    seen: '451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation. (S775)',
  },
  {
    name: 'unusual-rate',
    by: 'google',
    when: /unusual rate/i,
    after: { times: 2, withinMs: hour },
    measure: { kind: 'slow', ms: 30 * minute, perMinute: 10, connections: 2 },
    seen: '421 4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address',
  },
]

/** What is read of a reply. */
const longestText = 1_000

/** @param text a stranger's, whole */
export const ruleFor = (name: ProviderName, text: string): Rule | null =>
  rules.find(({ by, when }) => (by === null || by === name) && when.test(text.slice(0, longestText))) ?? null
