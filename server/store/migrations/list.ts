import type { Migration } from 'kysely/migration'
import type { Engine } from '../engine.ts'
import { first } from './001-first.ts'
import { arriving } from './002-arriving.ts'

/** In order. A shipped migration is history: correct it with the next one. */
export const migrations: readonly { name: string; build: (engine: Engine) => Migration }[] = [
  { name: '001-first', build: first },
  { name: '002-arriving', build: arriving },
]
