const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

const uniqueViolations: readonly unknown[] = ['23505', 'SQLITE_CONSTRAINT_UNIQUE', 'SQLITE_CONSTRAINT_PRIMARYKEY']
// serialization_failure and deadlock_detected: the database undid the transaction and asks for it again (PostgreSQL Appendix A, class 40).
const transientFailures: readonly unknown[] = ['40001', '40P01']

/** True when a row like this is there already: somebody was faster with the same key. */
export const isUniqueViolation = (error: unknown): boolean => uniqueViolations.includes(codeOf(error))

/** True when the same transaction may well succeed when it is run again. */
export const isTransient = (error: unknown): boolean => transientFailures.includes(codeOf(error))
