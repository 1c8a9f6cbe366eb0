import type { KeyActor } from '../model/actor.ts'

/** How many may wait, or have a stream open, at one time. */
export type Limits = Record<'wait' | 'stream', { ofKey: number; ofAccount: number; inAll: number }>
export type Admission = { release(): void }

const usual: Limits = {
  wait: { ofKey: 100, ofAccount: 1_000, inAll: 10_000 },
  stream: { ofKey: 10, ofAccount: 100, inAll: 1_000 },
}

/** Counts those who wait; each has a place until it releases it. */
export function createAdmission(limits: Limits = usual): {
  admit(kind: keyof Limits, actor: KeyActor): Admission | null
  /** How many have a place now. */
  admitted(kind: keyof Limits): number
} {
  const counts = new Map<string, number>()
  const admit = (kind: keyof Limits, { keyId, accountId, world }: KeyActor): Admission | null => {
    const { ofKey, ofAccount, inAll } = limits[kind]
    const bounds = [
      [`${kind} ${keyId}`, ofKey],
      // Test keys take no place of a live one.
      [`${kind} ${accountId} ${world}`, ofAccount],
      [kind, inAll],
    ] as const
    if (bounds.some(([name, most]) => (counts.get(name) ?? 0) >= most)) return null
    for (const [name] of bounds) counts.set(name, (counts.get(name) ?? 0) + 1)
    let held = true
    return {
      release() {
        if (!held) return
        held = false
        for (const [name] of bounds) {
          const left = (counts.get(name) ?? 1) - 1
          if (left === 0) counts.delete(name)
          else counts.set(name, left)
        }
      },
    }
  }
  return { admit, admitted: (kind) => counts.get(kind) ?? 0 }
}
