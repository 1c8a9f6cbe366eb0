import { configDefaults, defineConfig } from 'vitest/config'

/** .ci/run asks for a report to count from, beside what a person reads. */
const report = process.env['TEST_REPORT']
export const reporters = ['default', ...(report === undefined ? [] : [['json', { outputFile: report }] as ['json', object]])]

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/container/**'],
    reporters,
    globalSetup: ['test/support/postgres.ts'],
    // Processes, not threads: the rooms start worker threads and native code of their own, and a crash should name its file.
    pool: 'forks',
    // Tests wait for sockets more than they compute, so two at a time also suit a machine with two cores.
    maxWorkers: 2,
    // Generous, because a loaded machine is slow and a hung test is rare; a test that needs more says so itself.
    testTimeout: 20_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
})
