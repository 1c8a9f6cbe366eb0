import type { KeyActor } from '../model/actor.ts'
import type { Db } from '../store/db.ts'
import type { EmailFilter } from '../store/listing.ts'
import { placeOf } from '../store/places.ts'
import { OperationError } from './errors.ts'
import type { Since } from './input.ts'

/** What "since" means for a listing: behind the place that an email has now, or from a time on. Throws EMAIL_NOT_FOUND for an email that is
 *  not of the caller's tenancy. */
export async function sinceFilter(db: Db, actor: KeyActor, since: Since | undefined): Promise<Pick<EmailFilter, 'after' | 'visibleFrom'>> {
  if (since === undefined) return {}
  if ('at' in since) return { visibleFrom: since.at }
  const place = await placeOf(db, actor, since.email)
  if (place === null) throw new OperationError('EMAIL_NOT_FOUND', 'since_id: there is no such email')
  return { after: place }
}
