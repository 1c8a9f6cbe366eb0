/** rspamd with one rule of ours beside the test string it always knows; it asks no DNS that could answer. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenListening } from './when-listening.ts'

/** Gets 8 points, which is enough for a header field and not for a refusal. */
export const suspiciousSubject = 'What the test rule looks for'

export async function startRspamd(): Promise<{ url: string; stop(): Promise<void> }> {
  const scratch = await createScratch('rspamd')
  const [port, nowhere] = [await freePort(), await freePort()]
  const rule = `rspamd_config:register_symbol({ name = 'TEST_RULE', score = 8.0, callback = function(task)
    return task:get_header('Subject') == '${suspiciousSubject}'
  end })`
  await writeFile(join(scratch.path, 'rule.lua'), rule)
  const lines = [
    `options { pidfile = "${scratch.path}/pid"; tempdir = "${scratch.path}"; filters = ""; dns { nameserver = ["127.0.0.1:${nowhere}"]; timeout = 1s; } }`,
    'logging { type = "console"; level = "warning"; }',
    `worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; }`,
    'actions { reject = 15; "add header" = 6; greylist = 4; }',
    `lua = "${scratch.path}/rule.lua"`,
  ]
  await writeFile(join(scratch.path, 'rspamd.conf'), `${lines.join('\n')}\n`)
  const program = await startProgram({
    command: peerPath('rspamd'),
    args: ['-f', '-i', '-c', join(scratch.path, 'rspamd.conf')],
    ready: () => whenListening(port),
  })
  return {
    url: `http://127.0.0.1:${port}`,
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}
