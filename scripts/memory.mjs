// How the appliance is started so that it takes little memory: some 150 MB less under load (docs/benchmarks-inbound.md). The Dockerfile says the same.

/** Node makes room for 100 MB of what is soon forgotten, where a quarter of it is as fast. */
export const memoryFlags = ['--max-semi-space-size=8']
/** Otherwise each thread keeps memory of its own, and hardly gives it back (glibc, mallopt(3)). */
export const memoryEnv = { MALLOC_ARENA_MAX: '2' }
