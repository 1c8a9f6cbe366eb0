import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A folder of one's own in the system's temporary folder. Others may look inside: a peer's daemons run as users of their own. */
export async function createScratch(name: string): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), `multimail-${name}-`))
  await chmod(path, 0o755)
  return { path, remove: async () => rm(path, { recursive: true, force: true, maxRetries: 5 }) }
}
