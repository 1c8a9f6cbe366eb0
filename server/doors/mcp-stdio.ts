/** `multimail mcp`: an MCP server on standard input and output that passes everything on to the /mcp of a running server. It holds no tools
 *  of its own, so what it offers is always what that server offers this key. */
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js'
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js'
import {
  CallToolRequestSchema,
  CallToolResultSchema,
  ListResourcesRequestSchema,
  ListResourcesResultSchema,
  ListResourceTemplatesRequestSchema,
  ListResourceTemplatesResultSchema,
  ListToolsRequestSchema,
  ListToolsResultSchema,
  type ListToolsResult,
  ReadResourceRequestSchema,
  ReadResourceResultSchema,
} from '@modelcontextprotocol/sdk/types.js'
import { product } from './product.ts'

/** Serves until standard input ends. Throws when the server cannot be reached or does not accept the key.
 *  @param to.url the server's own address, e.g. http://127.0.0.1:8025; a path in it is kept
 *  @param to.mailboxId goes with each call of a tool that takes a mailbox and is given none */
export async function serveMcpStdio(to: { url: string; key: string; mailboxId?: string | null }): Promise<void> {
  const { url, key, mailboxId = null } = to
  const client = new Client(product)
  const upstream = new StreamableHTTPClientTransport(new URL(`${url.replace(/\/+$/, '')}/mcp`), {
    requestInit: { headers: { authorization: `Bearer ${key}` } },
  })
  await client.connect(upstream)
  const instructions = client.getInstructions()
  const resources = client.getServerCapabilities()?.resources
  const server = new McpServer(product, {
    capabilities: { tools: {}, ...(resources && { resources: {} }) },
    ...(instructions !== undefined && { instructions }),
  })
  server.server.setRequestHandler(ListToolsRequestSchema, ({ method, params }) => client.request({ method, params }, ListToolsResultSchema))
  if (resources) passResources(server, client)
  const withMailbox = mailboxId === null ? [] : (await client.listTools()).tools.filter(takesMailbox).map(({ name }) => name)
  server.server.setRequestHandler(CallToolRequestSchema, ({ method, params }, { signal }) => {
    const given = withMailbox.includes(params.name) ? { mailbox_id: mailboxId, ...params.arguments } : params.arguments
    return client.request({ method, params: { ...params, arguments: given } }, CallToolResultSchema, { signal, timeout: longestCallMs })
  })
  const ended = new Promise<void>((resolve) => {
    server.server.onclose = resolve
    process.stdin.once('end', resolve)
  })
  await server.connect(new StdioServerTransport())
  await ended
  await server.close()
  await client.close()
}

function passResources({ server }: McpServer, client: Client): void {
  server.setRequestHandler(ListResourcesRequestSchema, ({ method, params }) =>
    client.request({ method, params }, ListResourcesResultSchema),
  )
  server.setRequestHandler(ListResourceTemplatesRequestSchema, ({ method, params }) =>
    client.request({ method, params }, ListResourceTemplatesResultSchema),
  )
  server.setRequestHandler(ReadResourceRequestSchema, ({ method, params }, { signal }) =>
    client.request({ method, params }, ReadResourceResultSchema, { signal }),
  )
}

/** wait_for_email and wait_for_decision may take 120 s; the SDK gives up after 60 by itself. */
const longestCallMs = 150_000

const takesMailbox = ({ inputSchema }: ListToolsResult['tools'][number]): boolean =>
  Object.hasOwn(inputSchema.properties ?? {}, 'mailbox_id')
