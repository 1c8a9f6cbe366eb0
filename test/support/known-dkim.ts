import { makeDkimKeys } from '../../server/identity/dkim-keys.ts'

let known: ReturnType<typeof makeDkimKeys> | undefined

/** The same two DKIM keys for every set-up of a test file: making an RSA key takes longer than all the rest. Their day is 2026-11-22. */
export const knownDkim: typeof makeDkimKeys = () => (known ??= makeDkimKeys(Date.UTC(2026, 10, 22)))
