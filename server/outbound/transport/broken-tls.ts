import type { Clock } from '../../platform/clock.ts'
import type { Hello } from './tls.ts'

const rememberedMs = 3 * 24 * 60 * 60 * 1000
const maxRemembered = 10_000

/** Which hosts have trouble with TLS, for three days: `small` when only a small ClientHello gets through, `none` when nothing does. Only a memory:
 *  losing it costs some more failed handshakes. */
export function createBrokenTls(clock: Clock) {
  const known = new Map<string, { hello: Hello; until: number }>()
  return {
    of(host: string): Hello {
      const found = known.get(host)
      return found !== undefined && found.until > clock.now() ? found.hello : 'usual'
    },
    forget: (host: string): void => void known.delete(host),
    remember(host: string, hello: Hello): void {
      if (known.size >= maxRemembered) known.delete(known.keys().next().value ?? host)
      known.set(host, { hello, until: clock.now() + rememberedMs })
    },
  }
}

export type BrokenTls = ReturnType<typeof createBrokenTls>
