import { type Loaded, problemsText } from '../../config/load.ts'
import { type Io, Stop } from './command.ts'

/** The settings, or the end of the command with all that is wrong with them. */
export function settingsOf(io: Io): Extract<Loaded, { ok: true }> {
  const loaded = io.load()
  if (!loaded.ok) throw new Stop(problemsText(loaded.problems), 2)
  return loaded
}
