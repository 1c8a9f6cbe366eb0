/** `multimail mcp`: an MCP server on standard input and output that passes everything on to the /mcp of a running server. It holds no tools
 *  of its own, so what it offers is always what that server offers this key. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import {
  CallToolRequestSchema,
  CallToolResultSchema,
  ListToolsRequestSchema,
  ListToolsResultSchema,
} from '@modelcontextprotocol/sdk/types.js'

const identity = { name: 'multimail', title: 'MultiMail', version: '0.1.0' }

/** Serves until standard input ends. Throws when the server cannot be reached or does not accept the key.
 *  @param url the server's own address, e.g. http://127.0.0.1:8025; a path in it is kept */
export async function serveMcpStdio({ url, key }: { url: string; key: string }): Promise<void> {
  const client = new Client(identity)
  const upstream = new StreamableHTTPClientTransport(new URL(`${url.replace(/\/+$/, '')}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  })
  await client.connect(upstream)
  const instructions = client.getInstructions()
  const server = new McpServer(identity, { capabilities: { tools: {} }, ...(instructions !== undefined && { instructions }) })
  server.server.setRequestHandler(ListToolsRequestSchema, ({ method, params }) => client.request({ method, params }, ListToolsResultSchema))
  server.server.setRequestHandler(CallToolRequestSchema, ({ method, params }, { signal }) =>
    client.request({ method, params }, CallToolResultSchema, { signal }),
  )
  const ended = new Promise<void>((resolve) => {
    server.server.onclose = resolve
    process.stdin.once('end', resolve)
  })
  await server.connect(new StdioServerTransport())
  await ended
  await server.close()
  await client.close()
}
