import type { FastifyRequest } from 'fastify'
import { operations } from '../operations/router.ts'
import { fastifyPath, restRoutes } from './rest.ts'

/** MCP without a key: the tools that are for everybody. */
export const onboardPath = '/onboard'

const openNames: readonly string[] = operations.filter(({ meta }) => meta.scope === 'none').map(({ name }) => name)
const openRoutes: ReadonlySet<string> = new Set(
  restRoutes.filter(({ operation }) => openNames.includes(operation.name)).map((route) => `${route.method} ${fastifyPath(route)}`),
)

/** May this be asked without a key? Operations look for themselves as well; here ends what nobody in particular has no business with. */
export function isOpen({ method, params, routeOptions: { url } }: FastifyRequest): boolean {
  if (url === onboardPath) return true
  if (url === '/trpc/:path') return (params as { path: string }).path.split(',').every((name) => openNames.includes(name))
  return openRoutes.has(`${method} ${url}`)
}
