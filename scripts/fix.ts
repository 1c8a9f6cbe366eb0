// Puts right what a tool can: lint first, because its fixes may need formatting. Usage: npm run fix
import { runSteps } from './run-steps.ts'

runSteps([
  { name: 'lint', run: ['oxlint/bin/oxlint', '--fix'] },
  { name: 'format', run: ['oxfmt/bin/oxfmt', '.'] },
])
