import { loadConfig } from '../../config/load.ts'
import { runCli } from '../../server/cli/run.ts'

export type CliRun = { code: number | undefined; out: string; err: string }

/** Runs `multimail …` in this process, with these settings and no others. */
export async function multimail(env: Record<string, string>, ...argv: string[]): Promise<CliRun> {
  const run: CliRun = { code: undefined, out: '', err: '' }
  const io = {
    out: (text: string) => void (run.out += text),
    err: (text: string) => void (run.err += text),
    load: () => loadConfig({ env, file: null }),
  }
  run.code = await runCli(argv, io)
  return run
}
