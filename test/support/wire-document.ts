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
