import { accessOf } from './access.ts'
import { type Command, Stop } from './command.ts'

export const mcp: Command = {
  help: 'Serves MCP on standard input and output and passes everything on to the running server at MULTIMAIL_API_URL, with the key in MULTIMAIL_API_KEY. For clients that start their servers as programs.',
  async run(call) {
    const { url, agentKey, mailboxId } = accessOf(call.io)
    if (agentKey === null) throw new Stop('Set MULTIMAIL_API_KEY to the key to act with.', 2)
    const { serveMcpStdio } = await import('../doors/mcp-stdio.ts')
    await serveMcpStdio({ url, key: agentKey, mailboxId })
    return 0
  },
}
