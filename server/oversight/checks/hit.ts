import type { FindingKind } from '../../model/finding.ts'

/** Something that was found in a text. `at`: where it begins, in characters; `excerpt` is masked. */
export type Hit = { kind: FindingKind; at: number; excerpt: string }
