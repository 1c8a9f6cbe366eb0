// How the appliance is started so that it takes little memory and time under load (docs/benchmarks-inbound.md, docs/benchmarks-outbound.md). The Dockerfile says the same.

/** Node makes room for 100 MB of what is soon forgotten, where a quarter of it is as fast. And the heap may grow by half of what is in use before it is
 *  looked through, where V8 would wait until it is several times as large: what leaves a queue is soon garbage, and 100,000 waiting messages
 *  then take some 200 MB instead of 330. What was soon forgotten is a few megabytes: each thread clears its own away, which takes less time than to share that out. */
export const memoryFlags = ['--max-semi-space-size=8', '--heap-growing-percent=50', '--no-parallel-scavenge']
/** Otherwise each thread keeps memory of its own, and hardly gives it back (glibc, mallopt(3)). */
export const memoryEnv = { MALLOC_ARENA_MAX: '2' }
