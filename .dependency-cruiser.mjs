// The rules of the house for imports: arrows point one way, down this table, and rooms on one line do not know each other.
// `npm run check` refuses an import that goes against it; `npm run graph` draws what is there.

const pure = ['server/model', 'dns/name.ts']
const ground = [...pure, 'config', 'dns', 'server/platform']
const stored = [...ground, 'server/store']
const record = [...stored, 'server/identity', 'server/mailbox', 'server/oversight', 'server/events', 'server/sandbox', 'server/record']
const mail = [...record, 'server/inbound', 'server/outbound']
const built = [...mail, 'server/operations', 'server/doors', 'server/app.ts']

/** Each room, and what of ours it may import besides itself. */
const arrows = {
  'dns/name.ts': [],
  'server/model': ['dns/name.ts'],
  config: pure,
  dns: pure,
  'server/platform': pure,
  'server/store': ground,
  'server/identity': stored,
  'server/mailbox': stored,
  'server/oversight': stored,
  'server/events': stored,
  'server/sandbox': stored,
  'server/record': stored,
  'server/inbound': record,
  'server/outbound': record,
  'server/operations': mail,
  'server/doors': [...pure, 'config', 'server/platform', 'server/operations'],
  'server/app.ts': [...mail, 'server/operations', 'server/doors'],
  'server/local': built,
  'server/main.ts': [...built, 'server/local'],
  'server/cli': [...built, 'server/local', 'server/main.ts'],
  console: ['server/operations/router.ts'],
}

/** Packages that belong to one room; the others ask that room. */
const packages = {
  fastify: ['server/doors'],
  '@modelcontextprotocol/sdk': ['server/doors', 'server/cli'],
  'better-sqlite3': ['server/store'],
  pg: ['server/store'],
  'smtp-server': ['server/inbound', 'server/local'],
  nodemailer: ['server/outbound', 'server/local'],
  mailauth: ['server/inbound', 'server/outbound', 'server/local'],
  'dns-packet': ['dns'],
  '@simplewebauthn/server': ['server/identity'],
}

const product = '^(config|dns|server|console)/'
const escape = (text) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
/** Matches a room's files: a folder, or one file. */
const inside = (room) => `${escape(room)}${room.endsWith('.ts') ? '$' : '/'}`
const anyOf = (rooms) => `^(${rooms.map(inside).join('|')})`

const arrowRules = Object.entries(arrows).map(([room, allowed]) => ({
  name: `arrows:${room}`,
  comment: `${room} may import ${allowed.join(', ') || 'nothing else of ours'}. The table is in .dependency-cruiser.mjs.`,
  severity: 'error',
  // dns/name.ts has a line of its own, stricter than its folder's
  from: { path: anyOf([room]), ...(room === 'dns' && { pathNot: anyOf(['dns/name.ts']) }) },
  to: { path: '^(config|dns|server|console|test|scripts)/', pathNot: anyOf([room, ...allowed]) },
}))

const packageRules = Object.entries(packages).map(([name, rooms]) => ({
  name: `package:${name}`,
  comment: `${name} is imported by ${rooms.join(' and ')} only.`,
  severity: 'error',
  from: { path: product, pathNot: anyOf(rooms) },
  to: { path: `node_modules/(@types/)?${escape(name)}/` },
}))

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    ...arrowRules,
    ...packageRules,
    {
      name: 'operations-receive-rooms',
      comment: 'Operations are handed what app.ts constructs of these rooms, so they import the types only. Tables are functions of a Db.',
      severity: 'error',
      from: { path: '^server/operations/' },
      to: { path: '^server/(oversight|events|inbound|outbound|sandbox|record)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'console-router-type',
      comment: "The console is a client: it knows the router's type and nothing of the server's code.",
      severity: 'error',
      from: { path: '^console/' },
      to: { path: '^server/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'model-is-pure',
      comment: 'The words every room shares read no file, open no socket and know no time.',
      severity: 'error',
      from: { path: '^(server/model/|dns/name\\.ts)' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?(crypto|buffer|util|net|url|punycode)$' },
    },
    {
      name: 'no-cycle',
      comment: 'Two files that need each other are one file, or three.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'no-dev-dependency',
      comment: 'The product runs without devDependencies.',
      severity: 'error',
      from: { path: product },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only', 'npm'], pathNot: '^node_modules/@types/' },
    },
    {
      name: 'resolvable',
      comment: 'The import leads nowhere: a misspelt path, or a package that package.json does not name.',
      severity: 'error',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'declared',
      comment: 'A package that is imported is in package.json.',
      severity: 'error',
      from: {},
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
  ],
  options: {
    // Also what only the types need: a room is bound by a type it borrows, too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(node_modules/\\.bin|data|coverage)' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
}
