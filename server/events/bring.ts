/** One attempt to bring an event to a webhook. */
import { type HttpsDeps, askOverHttps } from '../platform/https.ts'
import type { Row } from '../store/schema.ts'
import type { WebhookRow } from '../store/webhooks.ts'
import { readAddress } from './address.ts'
import type { Answer } from './after-attempt.ts'
import { payloadOf } from './payload.ts'
import { signatureHeaders } from './signature.ts'

/** `text`: the beginning of what they answered, their words. `trouble`: why there was no answer, ours. */
export type Brought = Answer & { text: string | null; trouble: string | null }

export type Parcel = { webhook: WebhookRow; deliveryId: string; event: Row<'events'>; mailbox: string | null; signal: AbortSignal }
/** Never rejects. */
export type Bring = (parcel: Parcel) => Promise<Brought>

const within = { allMs: 10_000, oneMs: 10_000, connectMs: 4_000 }
const keptBytes = 1024

export const createBring =
  (deps: HttpsDeps): Bring =>
  async ({ webhook, deliveryId, event, mailbox, signal }) => {
    const place = readAddress(webhook.url, deps.allowPrivateTargets)
    // Allowed when it was set, and not any more.
    if (!place.ok) return unanswered(place.detail ?? '')
    const { host, path, port, plain } = place.value
    const now = deps.clock.now()
    const body = payloadOf({ event, mailbox })
    const answer = await askOverHttps(deps, {
      host,
      path,
      plain,
      ...(port === null ? plain && { port: 80 } : { port }),
      content: { type: 'application/json', bytes: body },
      headers: {
        'User-Agent': 'MultiMail-Webhooks',
        'X-MultiMail-Event': event.type,
        'X-MultiMail-Delivery': deliveryId,
        ...signatureHeaders({ id: event.id, at: now, body }, { secrets: secretsOf(webhook, now), seed: webhook.signing_seed }),
      },
      maxBytes: keptBytes,
      cut: true,
      within,
      signal,
    })
    if (!answer.ok) return unanswered(answer.detail ?? answer.code)
    const { status, retryAfter, body: said } = answer.value
    return { status, retryAfter, text: printable(said), trouble: null }
  }

const unanswered = (trouble: string): Brought => ({ status: null, retryAfter: '', text: null, trouble })

/** PostgreSQL text cannot hold a NUL. */
const printable = (said: Buffer): string => said.toString('utf8').replaceAll('\0', '\uFFFD')

const secretsOf = ({ secret, previous_secret, previous_until }: WebhookRow, now: number): [string, ...string[]] =>
  previous_secret !== null && previous_until !== null && now < previous_until ? [secret, previous_secret] : [secret]
