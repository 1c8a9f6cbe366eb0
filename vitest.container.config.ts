// `npm run test:container`: builds the image and tries it with the Docker engine that is there. Apart from `npm test`, which needs no engine.
import { defineConfig } from 'vitest/config'
import { reporters } from './vitest.config.ts'

export default defineConfig({
  test: {
    include: ['test/container/**/*.test.ts'],
    reporters,
    pool: 'forks',
    // The steps of one story: after a failure, the rest would only repeat it.
    bail: 1,
    testTimeout: 60_000,
    hookTimeout: 600_000, // building the image installs packages
  },
})
