/**
 * Trouble of this machine that no remote server tells us about: nobody can be reached on port 25, the DNS does not answer, an address to send from is
 * not here. The operator is told once, with the remedy, by an alarm as for the trouble that others name (../alarms.ts), a line in the log and an event.
 */
import type { Clock } from '../../platform/clock.ts'
import type { Log } from '../../platform/log.ts'
import { accountMeant } from '../../store/accounts.ts'
import { endAlarm, listAlarms, raiseAlarm } from '../../store/alarms.ts'
import type { Store } from '../../store/db.ts'
import { appendEvent } from '../../store/events.ts'
import { appendLogs } from '../../store/log.ts'
import { alarmEntry, ownTroubles } from '../alarms.ts'

export type OwnTroubleName = keyof typeof ownTroubles

/** `source`: what of ours it is about, '' never: a delivery that passes ends what is about nothing in particular. `reply`: what was seen. */
type Trouble = { class: OwnTroubleName; source: string; reply: string }

/** Neither rejects: what watches must not stop what it watches. */
export type OwnTrouble = {
  raise(trouble: Trouble): Promise<void>
  /** @param sources those that are well; left out: all of this class */
  end(name: OwnTroubleName, sources?: readonly string[]): Promise<void>
}

export function createOwnTrouble({ store, clock, log }: { store: Store; clock: Clock; log: Log }): OwnTrouble {
  const unlessItFails = (work: Promise<void>): Promise<void> =>
    work.catch((error: unknown) => log.error({ err: error }, 'alarm.unrecorded'))

  async function raise(trouble: Trouble): Promise<void> {
    const remedy = ownTroubles[trouble.class]
    log.error({ ...trouble, remedy }, `alarm.${trouble.class}`)
    const now = clock.now()
    await store.transaction(async (tx) => {
      const alarm = { ...trouble, provider: '', link: null }
      if (!(await raiseAlarm(tx, alarm, now))) return
      // The operator's own account is the one that was made first on the host.
      const account = await accountMeant(tx)
      if (account !== undefined) {
        const tenancy = { accountId: account.id, world: 'live' } as const
        await appendEvent(tx, { tenancy, mailboxId: null, type: 'operator.alarm', data: { ...alarm, remedy, raised_at: now }, now })
      }
      await appendLogs(tx, [alarmEntry('alarm.raised', alarm, now)])
    })
  }

  async function end(name: OwnTroubleName, sources?: readonly string[]): Promise<void> {
    const now = clock.now()
    await store.transaction(async (tx) => {
      const over = (await listAlarms(tx)).filter((alarm) => alarm.class === name && (sources?.includes(alarm.source) ?? true))
      if (over.length === 0) return
      for (const alarm of over) await endAlarm(tx, alarm)
      await appendLogs(
        tx,
        over.map((alarm) => alarmEntry('alarm.ended', alarm, now)),
      )
    })
  }

  return { raise: (trouble) => unlessItFails(raise(trouble)), end: (name, sources) => unlessItFails(end(name, sources)) }
}
