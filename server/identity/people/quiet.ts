/** When somebody wants no letters about what waits. The hours themselves are judged where letters are written (model/quiet-hours.ts). */
import type { Actor } from '../../model/actor.ts'
import { type Result, ok } from '../../model/result.ts'
import type { Tx } from '../../store/db.ts'
import { appendLog } from '../../store/log.ts'
import { type PersonRow, changePerson, noQuiet } from '../../store/people.ts'
import { type PeopleDeps, type SignedIn, personEntry } from './person.ts'
import { whileSignedIn } from './sessions.ts'

/** `zone`: a name of the IANA database; `from`, `to`: minutes after midnight there. */
export type Quiet = { zone: string; from: number; to: number }

export async function putQuiet(
  tx: Tx,
  person: PersonRow,
  quiet: Quiet | null,
  { now, by }: { now: number; by?: Actor },
): Promise<PersonRow> {
  const change = quiet === null ? noQuiet : { time_zone: quiet.zone, quiet_from: quiet.from, quiet_to: quiet.to }
  await changePerson(tx, person.id, change)
  // Where somebody sleeps, and when, is theirs: beside the record, not in it.
  const said = { metadata: { is_set: quiet !== null }, ...(quiet !== null && { details: quiet }), ...(by && { by }) }
  await appendLog(tx, personEntry('person.quiet_hours_set', person, now, said))
  return { ...person, ...change }
}

export const setQuiet = (deps: PeopleDeps, who: SignedIn, quiet: Quiet | null): Promise<Result<PersonRow, 'NOT_SIGNED_IN'>> =>
  whileSignedIn(deps, who, async (tx, person, now) => ok(await putQuiet(tx, person, quiet, { now })))
