/** Who wrote an email and who decides on it, with the persons behind their keys: what design promise 3 is asked about (model/hold-life.ts). */
import type { Decider } from '../model/actor.ts'
import type { Who } from '../model/hold-life.ts'
import type { KeyId } from '../model/ids.ts'
import type { Db } from '../store/db.ts'
import { type EmailRow, writingKeys } from '../store/emails.ts'
import { ownerOfKey } from '../store/keys.ts'

export const whoIs = async (db: Db, actor: Decider): Promise<Who> =>
  actor.kind === 'key' ? { key: actor.keyId, person: await ownerOfKey(db, actor.keyId) } : { key: null, person: actor.personId }

/** The key that drafted it as well as the one that handed it in; none for mail from outside. */
export const writersOf = (db: Db, email: Pick<EmailRow, 'composer_id' | 'drafter_id'>): Promise<Who[]> => whoWrote(db, writingKeys(email))

/** What these keys wrote. */
export const whoWrote = (db: Db, keys: readonly KeyId[]): Promise<Who[]> =>
  Promise.all([...new Set(keys)].map(async (key) => ({ key, person: await ownerOfKey(db, key) })))
