#!/usr/bin/env node
// The `multimail` command of a checkout: the same bootstrap as `npm start`, then the command line.
process.argv.splice(2, 0, 'server/cli/main.ts')
await import('./bootstrap.mjs')
