import { accessOf } from './access.ts'
import type { Command } from './command.ts'
import { visibleLine } from './visible.ts'

const timeoutMs = 5_000

export const health: Command = {
  help: 'Asks the running server whether it is well. Ends with 0 when it is and 1 when it is not; the container uses it.',
  async run(call) {
    const { url } = accessOf(call.io)
    const state = await ask(`${url}/health`)
    ;(state.well ? call.io.out : call.io.err)(`${state.words}\n`)
    return state.well ? 0 : 1
  },
}

async function ask(url: string): Promise<{ well: boolean; words: string }> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(timeoutMs) })
    await response.body?.cancel()
    return { well: response.ok, words: response.ok ? 'well' : `not well: ${url} answers ${response.status}` }
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    return { well: false, words: `not well: ${url} does not answer (${visibleLine(String(cause), 200)})` }
  }
}
