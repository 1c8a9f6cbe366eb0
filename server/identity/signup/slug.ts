/** The short name of an account that somebody signs up for: what stands before the @ of its mailbox. */
import { reserved } from '../mailboxes.ts'

const longest = 40
const shape = /^[a-z0-9](?:[a-z0-9-]{1,38}[a-z0-9])$/
/** Names under which somebody could pass for whoever runs the server. */
const ours: ReadonlySet<string> = new Set([
  'account',
  'accounts',
  'billing',
  'ceo',
  'contact',
  'help',
  'info',
  'mail',
  'multimail',
  'no-reply',
  'noreply',
  'office',
  'operator',
  'owner',
  'payments',
  'root',
  'security',
  'ssl-admin',
  'staff',
  'support',
  'system',
  'team',
])

/** Why nobody can have it; null: somebody may. */
export function whyNoSlug(slug: string): 'invalid' | 'reserved' | null {
  if (!shape.test(slug)) return 'invalid'
  return reserved.has(slug) || ours.has(slug) ? 'reserved' : null
}

/** One for a name, such as `ann-s-shop`. */
export function slugFor(name: string): string {
  const slug = name
    .normalize('NFKD')
    .toLowerCase()
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, longest - 8)
    .replaceAll(/^-+|-+$/g, '')
  return whyNoSlug(slug) === null ? slug : `agent${slug === '' ? '' : '-'}${slug}`
}

/** Others to try when it is taken. */
export const likeSlug = (slug: string): string[] => {
  const stem = slug.slice(0, longest - 6).replace(/-+$/, '')
  return ['2', '3', '4', 'mail', 'agent', 'desk'].map((more) => `${stem}-${more}`).filter((one) => whyNoSlug(one) === null)
}
