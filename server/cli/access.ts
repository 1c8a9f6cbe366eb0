import { readKeys } from '../local/keys-file.ts'
import { httpUrl } from '../platform/reach.ts'
import type { Io } from './command.ts'
import { settingsOf } from './settings.ts'

/** Where the running server is, and what to call it with. `mailboxId`: the mailbox meant where a call names none. */
export type Access = { url: string; agentKey: string | null; reviewerKey: string | null; mailboxId: string | null }

/** From the settings; in local mode also from the file in which local mode keeps its keys. */
export function accessOf(io: Io): Access {
  const { config, values } = settingsOf(io)
  const local = config.mode === 'local' ? readKeys(config.dataDir) : null
  return {
    url: values.MULTIMAIL_API_URL ?? httpUrl(config.http),
    agentKey: values.MULTIMAIL_API_KEY ?? local?.agent ?? null,
    mailboxId: values.MULTIMAIL_MAILBOX_ID,
    reviewerKey: values.MULTIMAIL_REVIEWER_KEY ?? local?.reviewer ?? values.MULTIMAIL_API_KEY ?? null,
  }
}
