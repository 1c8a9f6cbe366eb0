import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { openApiDocument } from '../../server/doors/openapi.ts'

type Json = null | boolean | number | string | Json[] | { [key: string]: Json }
export type Schema = { [key: string]: Json }
export type Content = { [mediaType: string]: { schema?: Schema; example?: Json } }
export type Parameter = { name: string; in: 'path' | 'query' | 'header'; required?: boolean; schema: Schema }
export type Documented = {
  operationId: string
  summary: string
  description?: string
  security?: object[]
  parameters?: Parameter[]
  requestBody?: { required?: boolean; content: Content }
  responses: { [status: string]: { description?: string; content?: Content; $ref?: string } }
}
export type WireDocument = {
  openapi: string
  paths: { [path: string]: { [method: string]: Documented } }
  components: { schemas: { [name: string]: Schema }; responses: { [name: string]: { description: string; content: Content } } }
}

/** As a client gets it: what JSON cannot hold is gone from it. */
export const wireDocument = (): WireDocument => JSON.parse(JSON.stringify(openApiDocument('https://mail.ours.test'))) as WireDocument

/** Every operation with where it is. */
export const documented = ({ paths }: WireDocument): { path: string; method: string; operation: Documented }[] =>
  Object.entries(paths).flatMap(([path, methods]) => Object.entries(methods).map(([method, operation]) => ({ path, method, operation })))

/** What an answer of this status may hold, by media type. */
export function contentOf({ components }: WireDocument, { responses }: Documented, status: number): Content | undefined {
  const response = responses[status] ?? responses['default']
  const named = response?.$ref?.replace('#/components/responses/', '')
  return named === undefined ? response?.content : components.responses[named]?.content
}

/** Checks values against schemas of the document, each compiled once. @returns what is wrong, [] when nothing is */
export function createSchemaChecks({ components }: WireDocument): (schema: Schema, value: unknown) => string[] {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const compiled = new WeakMap<Schema, ValidateFunction>()
  return (schema, value) => {
    const name = typeof schema['$ref'] === 'string' ? schema['$ref'].replace('#/components/schemas/', '') : undefined
    const whole = (name === undefined ? schema : components.schemas[name]) ?? schema
    const check = compiled.get(whole) ?? ajv.compile(whole)
    compiled.set(whole, check)
    return check(value) ? [] : (check.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`)
  }
}
