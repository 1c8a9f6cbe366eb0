import { createZoneResolver } from '../../dns/resolver.ts'
import { createExaminer } from '../../server/inbound/examine/examine.ts'
import type { ParsedMessage } from '../../server/inbound/message/parsed-message.ts'
import type { Workers } from '../../server/inbound/examine/workers.ts'
import { systemClock } from '../../server/platform/clock.ts'

/** Reads messages of nobody in particular, in a world without names. */
export function reader(workers: Workers): (data: string | Buffer) => Promise<ParsedMessage | null> {
  const examine = createExaminer({ workers, hostname: 'mx.ours.test', resolver: createZoneResolver({}), clock: systemClock })
  const client = { ip: '192.0.2.1', helo: 'out.remote.test', protocol: 'ESMTP', cipher: null }
  return async (data) => (await examine({ bytes: Buffer.from(data), client, reversePath: null }))?.parsed ?? null
}
