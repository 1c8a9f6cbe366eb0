/** When a mail's sender is told by mail of its delivery, and with which status. Pure. */
import type { DeliveryState } from '../../store/queue.ts'
import type { BounceClass } from '../classify-meanings.ts'
import { delayNoticeAfterMs } from './delivery-notice.ts'

/** @param q.queuedAt, q.now epoch ms. @returns null: nothing to tell. What somebody took back is no news to them; what we refused ourselves is. */
export function noticeOf(q: {
  state: DeliveryState
  bounceClass: BounceClass
  queuedAt: number
  now: number
}): 'failed' | 'delayed' | null {
  if (q.state === 'bounced' || q.state === 'expired') return 'failed'
  if (q.state === 'cancelled') return q.bounceClass === 'integrity' ? 'failed' : null
  return q.state === 'queued' && q.now - q.queuedAt >= delayNoticeAfterMs ? 'delayed' : null
}

/** RFC 3463: what the remote said; else that time is running out or has run out (X.4.7).
 *  @param code such as `550 5.1.1` or `450` */
export function statusOf(action: 'failed' | 'delayed', code: string | null): string {
  const said = /\b[245]\.\d{1,3}\.\d{1,3}$/.exec(code ?? '')?.[0]
  if (said !== undefined) return said
  if (action === 'delayed') return '4.4.7'
  return code?.startsWith('5') === true ? '5.0.0' : '4.4.7'
}
