/** What an operator reads when a webhook was switched off because nothing came of it. Pure: plain text. */
import type { WebhookRow } from '../store/webhooks.ts'

/** `trouble`: our words for what came of the last attempt. `waiting`: events that are not brought any more. `failing_since`: epoch ms. */
export function disabledLetter(
  { id, url, failing_since }: Pick<WebhookRow, 'id' | 'url' | 'failing_since'>,
  { reason, trouble, waiting }: { reason: 'gone' | 'failing'; trouble: string; waiting: number },
): { subject: string; body: string } {
  const since = failing_since === null ? '' : ` It has taken nothing since ${new Date(failing_since).toISOString()}.`
  const lines = [
    reason === 'gone' ? 'A webhook was switched off: it answered that it is gone (410).' : `A webhook was switched off.${since}`,
    '',
    `  Webhook:       ${id}`,
    `  Address:       ${JSON.stringify(url)}`,
    `  Last attempt:  ${trouble}`,
    `  Not brought:   ${waiting} waiting ${waiting === 1 ? 'event' : 'events'}`,
    '',
    'Repair what takes its events, switch it on with update_webhook (enabled: true), and bring what it missed with replay_webhook_events.',
    'You are told once each time that it is switched off; `multimail alarms` shows it until it is on again.',
    '',
  ]
  return { subject: 'A webhook was switched off', body: lines.join('\n') }
}
