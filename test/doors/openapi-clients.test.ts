import { execFile } from 'node:child_process'
import { symlink, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import openapiTS, { astToString } from 'openapi-typescript'
import { describe, expect, it, onTestFinished } from 'vitest'
import { openDesk } from '../support/desk.ts'
import { createScratch } from '../support/scratch.ts'
import { describeOnOneEngine } from '../support/stores.ts'
import { type Schema, documented, wireDocument } from '../support/wire-document.ts'

const run = promisify(execFile)

describe('the OpenAPI document, as other programs read it', () => {
  it('is valid by the schema that the OpenAPI Initiative publishes', async () => {
    expect(await new Validator().validate(wireDocument())).toEqual({ valid: true })
    const broken = wireDocument()
    broken.paths['/send_email']?.['post']?.parameters?.push({ name: 'nowhere' } as never)
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false })
  })

  it('has JSON Schemas only, of the dialect of OpenAPI 3.1', () => {
    const document = wireDocument()
    const ajv = new Ajv2020({ strict: false, validateFormats: false })
    const schemas = documented(document).flatMap(({ operation }) => [
      ...(operation.parameters ?? []).map(({ schema }) => schema),
      ...[operation.requestBody, ...Object.values(operation.responses)].flatMap((one) =>
        Object.values(one?.content ?? {}).flatMap(({ schema }) => (schema === undefined ? [] : [schema])),
      ),
    ])
    expect(schemas.length).toBeGreaterThan(300)
    for (const schema of [...schemas, ...Object.values(document.components.schemas)])
      expect([schema, ajv.validateSchema(schema), incomplete(schema)]).toEqual([schema, true, []])
    expect(ajv.validateSchema({ type: 'strang' })).toBe(false)
  })
})

/** Fields that are said to be there and not what they are. */
const incomplete = (schema: Schema): string[] => {
  const properties = (schema['properties'] ?? {}) as Record<string, Schema>
  const required = (schema['required'] ?? []) as string[]
  return [...required.filter((name) => properties[name] === undefined), ...Object.values(properties).flatMap(incomplete)]
}

/** What somebody writes who has read the document and nothing else. */
const client = `import createClient from 'openapi-fetch'
import type { paths } from './multimail.ts'

const [baseUrl, key, mailbox_id] = process.argv.slice(2)
if (baseUrl === undefined || key === undefined || mailbox_id === undefined) throw new Error('which?')
const multimail = createClient<paths>({ baseUrl, headers: { authorization: \`Bearer \${key}\` } })

const inbox = await multimail.GET('/v1/mailboxes/{mailbox_id}/emails', { params: { path: { mailbox_id }, query: { limit: 5 } } })
if (inbox.error) throw new Error(\`\${inbox.error.code}: \${inbox.error.fix}\`)
const [first] = inbox.data.emails
if (first === undefined) throw new Error('nothing there')

const reply = await multimail.POST('/v1/mailboxes/{mailbox_id}/reply/{email_id}', {
  params: { path: { mailbox_id, email_id: first.id } },
  body: { markdown: 'It is on its way.' },
})
if (reply.error) throw new Error(reply.error.error)
const refused = await multimail.POST('/v1/oversight/decide', { body: { email_id: reply.data.id, action: 'approve' } })
const key_document = await multimail.GET('/health')
console.log(JSON.stringify({ subject: first.subject, status: reply.data.status, refused: refused.error?.code, health: key_document.data?.status }))
`

/** What the document does not have, and the type checker has to see. */
const mistakes = [
  ['query: { limit: 5 }', "query: { limit: 'five' }"],
  ["body: { markdown: 'It is on its way.' }", "body: { markdwon: 'It is on its way.' }"],
  ["action: 'approve'", "action: 'perhaps'"],
  ["'/v1/mailboxes/{mailbox_id}/emails'", "'/v1/mailboxes/{mailbox_id}/letters'"],
  ['first.subject', 'first.subjekt'],
] as const

/** A folder with the client, the generated types, and each mistake as a client of its own. */
async function writeClients(): Promise<string> {
  const scratch = await createScratch('openapi')
  onTestFinished(() => scratch.remove())
  const into = (name: string, text: string): Promise<void> => writeFile(join(scratch.path, name), text)
  await symlink(resolve('node_modules'), join(scratch.path, 'node_modules'))
  await into('package.json', '{"type":"module"}')
  const options = { strict: true, noEmit: true, module: 'nodenext', target: 'es2024', allowImportingTsExtensions: true, types: ['node'] }
  await into('tsconfig.json', JSON.stringify({ compilerOptions: options, include: ['*.ts'] }))
  await into('multimail.ts', astToString(await openapiTS(JSON.stringify(wireDocument()), { silent: true })))
  await into('client.ts', client)
  for (const [index, [right, wrong]] of mistakes.entries()) await into(`mistake-${index}.ts`, client.replace(right, wrong))
  return scratch.path
}

describe('a client with types generated from the OpenAPI document', () => {
  it('passes the type checker, which finds each mistake in others', { timeout: 60_000 }, async () => {
    const folder = await writeClients()
    const checked = await run(process.execPath, [resolve('node_modules/typescript-7/bin/tsc'), '-p', folder, '--pretty', 'false']).then(
      ({ stdout }) => stdout,
      (error: { stdout: string }) => error.stdout,
    )
    for (const index of mistakes.keys()) expect(checked).toContain(`mistake-${index}.ts(`)
    expect(checked).not.toMatch(/(?:client|multimail)\.ts\(/)
  })
})

describeOnOneEngine('a client made from the OpenAPI document', (openStore) => {
  it('reads and answers an email, and is told why it may not approve its own', async () => {
    const folder = await writeClients()
    const desk = await openDesk(openStore)
    await desk.receive(desk.ours.gated)
    const { stdout } = await run(process.execPath, [join(folder, 'client.ts'), desk.url, desk.ours.keys.agent, desk.ours.gated.id])
    expect(JSON.parse(stdout)).toEqual({ subject: 'An order', status: 'pending_scan', refused: 'SCOPE_MISSING', health: 'ok' })
  })
})
