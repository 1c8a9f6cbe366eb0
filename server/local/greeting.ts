import { stripVTControlCharacters } from 'node:util'
import { httpUrl } from '../platform/reach.ts'
import type { LocalAppliance } from './local-mode.ts'
import type { ReceivedLetter } from './receiver.ts'
import { demoDomain } from './zone.ts'

/** What `npm start` says in local mode: where things are, the keys, and the next three commands. */
export function greeting(local: LocalAppliance): string {
  const api = httpUrl(local.http)
  return `
MultiMail is running in local mode: on this machine only. Nothing can reach the internet.

  mail comes in at   ${local.smtp.host}:${local.smtp.port} (SMTP), for ${local.mailbox}
  programs call      ${api} (REST and tRPC; MCP at /mcp; OpenAPI at /openapi.json)
  what leaves goes   to our own receiver at ${local.receiver.host}:${local.receiver.port}; shown here, kept in ${local.receiverDirectory}

  agent key          ${local.keys.agent}
  reviewer key       ${local.keys.reviewer}
                     (both in ${local.keysFile})

Next, in a second terminal in this folder:

  npm run letter -- --subject "Lunch on Friday?"
  curl -s -H "Authorization: Bearer ${local.keys.agent}" ${api}/check_inbox
  npx multimail pending

README.md goes on from there; ${demoDomain} exists only here. Stop with Ctrl-C.

`
}

/** A message that reached the receiver, told in a few lines. Its text is the sender's: control characters are taken out. */
export function arrived(letter: ReceivedLetter): string {
  const line = (text: string): string => stripVTControlCharacters(text).replace(/\p{C}/gu, ' ').slice(0, 200)
  return [
    '── a message left ──────────────────────────────────────────',
    `  from     ${line(letter.from)} (reverse-path <${line(letter.reversePath)}>)`,
    `  to       ${line(letter.forwardPaths.join(', '))}`,
    `  subject  ${line(letter.subject)}`,
    `  DKIM     ${line(letter.dkim.join(', ') || 'not signed')}`,
    `  DMARC    ${line(letter.dmarc)}`,
    `  file     ${letter.file}`,
    '',
    '',
  ].join('\n')
}
