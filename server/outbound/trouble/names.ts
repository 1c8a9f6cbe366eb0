/** Whether the DNS answers us at all. One domain whose servers fail is that domain's trouble; when nothing is found any more it is ours. */
import type { Resolver } from '../../../dns/resolver.ts'
import type { OwnTrouble } from './own-trouble.ts'

/** So many names in a row are looked at more closely. */
const enoughNames = 5
/** Names that are always there. */
const probes = ['a.root-servers.net', 'b.root-servers.net'] as const

type Kind = 'found' | 'no-data' | 'no-domain' | 'failed'

/** The same resolver, which tells when it finds nothing any more, and when it does again. */
export function watchNames(resolver: Resolver, trouble: OwnTrouble): Resolver {
  const failed = new Set<string>()
  let isDown: boolean | null = null
  let probing = false

  function note(name: string, kind: Kind, reason: string): void {
    if (kind !== 'failed') {
      failed.clear()
      if (isDown !== false) void trouble.end('dns')
      isDown = false
      return
    }
    if (failed.size < enoughNames) failed.add(name)
    if (failed.size >= enoughNames && isDown !== true && !probing) void probe(reason)
  }

  /** A stranger can have five domains that fail. Not so the root servers. */
  async function probe(reason: string): Promise<void> {
    probing = true
    const answers = await Promise.all(probes.map((name) => resolver.a(name)))
    probing = false
    failed.clear()
    if (answers.some(({ kind }) => kind !== 'failed')) return
    isDown = true
    await trouble.raise({ class: 'dns', source: 'the resolver', reply: reason })
  }

  const watched =
    <A extends readonly [string, ...unknown[]], R extends { kind: Kind; reason?: string }>(ask: (...asked: A) => Promise<R>) =>
    async (...asked: A): Promise<R> => {
      const answer = await ask(...asked)
      note(asked[0], answer.kind, answer.reason ?? '')
      return answer
    }
  return { ...resolver, mx: watched(resolver.mx), a: watched(resolver.a), aaaa: watched(resolver.aaaa), txt: watched(resolver.txt) }
}
