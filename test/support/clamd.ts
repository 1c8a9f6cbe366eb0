/** A ClamAV daemon that knows one signature, ours: its own come over the network. */
import { writeFile, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { peerPath } from './peers.ts'
import { startProgram } from './program.ts'
import { createScratch } from './scratch.ts'
import { whenListening } from './when-listening.ts'

/** What it takes for malware. */
export const malwareSample = 'multimail-malware-sample'

export async function startClamd(options: { maxBytes: number }): Promise<{ host: string; port: number; stop(): Promise<void> }> {
  const scratch = await createScratch('clamd')
  const port = await freePort()
  await mkdir(join(scratch.path, 'db'))
  await writeFile(join(scratch.path, 'db/test.ndb'), `Test.Sample:0:*:${Buffer.from(malwareSample).toString('hex')}\n`)
  const lines = [
    `DatabaseDirectory ${join(scratch.path, 'db')}`,
    `TemporaryDirectory ${scratch.path}`,
    `TCPSocket ${port}`,
    'TCPAddr 127.0.0.1',
    `StreamMaxLength ${options.maxBytes}`,
    'Foreground true',
  ]
  await writeFile(join(scratch.path, 'clamd.conf'), `${lines.join('\n')}\n`)
  const program = await startProgram({
    command: peerPath('clamd'),
    args: ['-c', join(scratch.path, 'clamd.conf')],
    ready: () => whenListening(port),
  })
  return {
    host: '127.0.0.1',
    port,
    async stop() {
      await program.stop()
      await scratch.remove()
    },
  }
}
