/** Which names are free: those that nobody has or waits for, as an account or as an address. */
import { randomBytes } from 'node:crypto'
import type { Address } from '../../model/address.ts'
import type { Db } from '../../store/db.ts'
import { isSlugWanted } from '../../store/signups.ts'
import { whyTaken } from '../mailboxes.ts'
import { likeSlug, whyNoSlug } from './slug.ts'
import type { SignupPolicy, SlugState } from './terms.ts'

export const addressFor = (policy: SignupPolicy, slug: string): Address => `${slug}@${policy.domain}` as Address

export async function stateOfSlug(db: Db, policy: SignupPolicy, slug: string, now: number): Promise<SlugState> {
  const why = whyNoSlug(slug)
  const reason = why ?? ((await isFree(db, policy, slug, now)) ? null : 'taken')
  const suggestions = reason === 'taken' ? await freeLike(db, policy, slug, now) : []
  return { slug, available: reason === null, reason, suggestions, address: addressFor(policy, slug) }
}

export const isFree = async (db: Db, policy: SignupPolicy, slug: string, now: number): Promise<boolean> =>
  !(await isSlugWanted(db, slug, now)) && (await whyTaken(db, addressFor(policy, slug), 'live')) === null

const mostSuggestions = 3
export async function freeLike(db: Db, policy: SignupPolicy, slug: string, now: number): Promise<string[]> {
  const free: string[] = []
  for (const one of likeSlug(slug)) if (free.length < mostSuggestions && (await isFree(db, policy, one, now))) free.push(one)
  return free
}

/** One that nobody has or waits for: the wanted one, one that is like it, or one by chance. */
export async function someSlug(wanted: string, isGood: (slug: string) => Promise<boolean>): Promise<string> {
  for (const slug of [wanted, ...likeSlug(wanted)]) if (await isGood(slug)) return slug
  return `${wanted.slice(0, 24).replace(/-+$/, '')}-${randomBytes(5).toString('hex')}`
}
