import type { BounceClass } from '../classify-meanings.ts'
import type { Stage } from '../transport.ts'

/**
 * One thing the world taught us: whoever is asked for mail and answers like this means that.
 *
 * `when` is sought in the reply as one line, `550 5.1.1 text`, of at most some hundred characters. It has no unbounded repetition, so that
 * a stranger's text costs no more than its length (a test holds every row to it).
 */
export type Row = {
  /** who answers so */
  by: string
  /** how the basic code begins: `''` any, `4`, `5`, `554` */
  code: string
  when: RegExp
  /** what the words say counts only where the enhanced code says nothing: none, X.Y.0 or X.7.1 */
  vague: boolean
  stages: readonly Stage[] | null
  class: BounceClass
  /** `as-told`: 4yz is tried again, 5yz is final */
  outcome: 'retry' | 'fail' | 'as-told'
  /** a reply of theirs (ours, when nobody answered) that taught us the row */
  seen: { stage: Stage; reply: string }
  /** where they, or others, write about it */
  source: string | null
}

type Add = (
  code: string,
  when: RegExp,
  name: BounceClass,
  outcome: Row['outcome'],
  stage: Stage,
  reply: string,
  stages?: readonly Stage[],
) => Row

/** Makes the rows of one provider, program or document. */
export const rowsOf =
  (by: string, source: string | null = null, vague = false): Add =>
  (code, when, name, outcome, stage, reply, stages) => ({
    by,
    code,
    when,
    vague,
    stages: stages ?? null,
    class: name,
    outcome,
    seen: { stage, reply },
    source,
  })
