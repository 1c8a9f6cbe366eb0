// The closing line of .ci/run. Usage: count-tests.ts <exit status> <vitest report> [<exit status> <vitest report> …]
// A run that failed without a failed test (lint, a file that does not load, no report at all) counts as one failure. Ends with 2 on failure.
import { existsSync, readFileSync } from 'node:fs'

type Report = { numPassedTests: number; numFailedTests: number }

let passed = 0
let failed = 0
const args = process.argv.slice(2)
for (let i = 0; i + 1 < args.length; i += 2) {
  const [status = '', path = ''] = args.slice(i)
  const report = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Report) : null
  passed += report?.numPassedTests ?? 0
  failed += Math.max(report?.numFailedTests ?? 0, status === '0' && report !== null ? 0 : 1)
}
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 2
