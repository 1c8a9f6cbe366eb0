import { sha256 } from '../model/canonical.ts'
import { type Facts, factsJson } from './facts.ts'
import type { Row } from './schema.ts'

/** How an entry of the log becomes bytes and hashes (docs/decisions/002-log-format.md). Changing anything here makes every older log fail. */

export type LogFields = Pick<
  Row<'log_entries'>,
  'seq' | 'id' | 'account_id' | 'world' | 'action' | 'actor_id' | 'resource_type' | 'resource_id' | 'created_at'
>

/** What stands before the first entry. */
export const emptyChain = '0'.repeat(64)

/** The hashed text: RFC 8785 JSON. */
export const bodyOf = (fields: LogFields, metadata: Facts, detailsHash: string | null): string =>
  factsJson({ ...bodyFields(fields), metadata, details_hash: detailsHash })

/** The part of the body that the columns repeat. */
export const bodyFields = (fields: LogFields) => ({
  seq: fields.seq,
  id: fields.id,
  at: new Date(fields.created_at).toISOString(),
  account: fields.account_id,
  world: fields.world,
  action: fields.action,
  actor: fields.actor_id,
  resource: { type: fields.resource_type, id: fields.resource_id },
})

/** RFC 9162 §2.1.1: the hash of a leaf, so that a Merkle tree can stand on these entries as they are. */
export const leafHash = (body: string): string => sha256(leafPrefix, body)

/** Each entry commits to all before it. The prefix keeps a link apart from a leaf (0x00) and from a tree node (0x01). */
export const chainHash = (previous: string, leaf: string): string =>
  sha256(linkPrefix, Buffer.from(previous, 'hex'), Buffer.from(leaf, 'hex'))

/** The salt keeps a short address from being guessed by its hash once the details are erased. @param salt 16 random octets */
export const detailsHash = (salt: Uint8Array, details: string): string => sha256(salt, details)

const leafPrefix = Uint8Array.of(0)
const linkPrefix = Uint8Array.of(2)
