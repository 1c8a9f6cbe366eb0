// Draws which room imports which, from the code itself, as docs/imports.md. Usage: npm run graph
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import rules from '../.dependency-cruiser.mjs'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs', 'imports.md')

process.chdir(root)
const { output } = await cruise(['config', 'dns', 'server'], { ...rules.options, validate: false })
if (typeof output === 'string') throw new Error(output)
writeFileSync(page, draw(roomsOf(output)))
console.log(`wrote ${page}`)

/** `server/outbound/route.ts` is of the room `server/outbound`; `server/app.ts` and `dns/name.ts` are rooms of their own. */
function room(path: string): string {
  if (path === 'dns/name.ts') return path
  const [top = '', next = ''] = path.split('/')
  return top === 'server' ? `server/${next}` : top
}

/** Each room and the rooms it imports, types included. */
function roomsOf({ modules }: ICruiseResult): Map<string, Set<string>> {
  const rooms = new Map<string, Set<string>>()
  for (const { source, dependencies } of modules.filter((module) => /^(config|dns|server)\//.test(module.source))) {
    const from = room(source)
    const known = rooms.get(from) ?? new Set()
    rooms.set(from, known)
    for (const { resolved } of dependencies)
      if (/^(config|dns|server)\//.test(resolved) && room(resolved) !== from) known.add(room(resolved))
  }
  return rooms
}

function draw(rooms: Map<string, Set<string>>): string {
  const arrows = [...rooms].flatMap(([from, targets]) => [...targets].map((to) => `  ${node(from)} --> ${node(to)}`)).toSorted()
  return `# Who imports whom

Drawn from the code by \`npm run graph\`; do not edit. The rules are in \`.dependency-cruiser.mjs\`, and \`npm run check\` holds the code to them.
An arrow from A to B means that a file of A imports a file of B, perhaps only a type.

\`\`\`mermaid
flowchart TD
${arrows.join('\n')}
\`\`\`
`
}

/** Mermaid wants a plain name for a node, and shows the label in brackets. */
function node(name: string): string {
  return `${name.replaceAll(/\W/g, '_')}["${name.replace('server/', '')}"]`
}
