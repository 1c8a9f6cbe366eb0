// Everything that has to be true before a change is finished, the quickest first. Usage: npm run check
import { runSteps } from './run-steps.ts'

runSteps([
  { name: 'format (npm run fix puts it right)', run: ['oxfmt/bin/oxfmt', '--check', '.'] },
  { name: 'lint', run: ['oxlint/bin/oxlint'] },
  { name: 'types', run: ['typescript-7/bin/tsc'] },
  {
    name: 'imports go the way of the house (.dependency-cruiser.mjs)',
    run: [
      'dependency-cruiser/bin/dependency-cruiser.mjs',
      '--config',
      '.dependency-cruiser.mjs',
      'config',
      'dns',
      'server',
      'test',
      'scripts',
    ],
  },
  { name: 'nothing unused: files, exports, packages', run: ['knip/bin/knip.js'] },
  { name: 'tests', run: ['npm', 'test'] },
])
