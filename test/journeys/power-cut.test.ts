/** "250 means stored" (design promise 1), when the power goes while mail arrives: on a disk that forgets what was not synced. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { expectSound } from '../support/crash-checks.ts'
import type { Appliance } from '../support/child-appliance.ts'
import { type ForgetfulDisk, type Luck, createForgetfulDisk, noCompiler } from '../support/power-cut/disk.ts'
import { createPremises, type Premises } from '../support/premises.ts'
import { createScratch } from '../support/scratch.ts'
import { sendRaw } from '../support/send-raw.ts'

const lots: (Luck & { name: string })[] = [
  { name: 'nothing more than was synced', names: 'synced', blocks: 0 },
  { name: 'every name, and no content that was not synced', names: 'latest', blocks: 0 },
  { name: 'some blocks of everything', names: 'synced', blocks: 0.5 },
  { name: 'every name and most blocks', names: 'latest', blocks: 0.9 },
]
const senders = 8

describe.skipIf(noCompiler())('an appliance whose power goes while mail arrives', { timeout: 120_000 }, () => {
  let premises: Premises
  let disk: ForgetfulDisk
  let place: Awaited<ReturnType<typeof createScratch>>

  beforeAll(async () => {
    premises = await createPremises({ engine: 'sqlite', remotePort: 9, names: { 'remote.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] } } })
    place = await createScratch('power-cut')
    disk = createForgetfulDisk(premises.dataDir, place.path)
  })
  afterAll(async () => {
    await premises.remove()
    await place.remove()
  })

  it.each(lots)('has every message it acknowledged, on a disk that has $name', async ({ name, ...luck }) => {
    disk.settle()
    const appliance = await premises.start({ env: disk.env })
    // In the middle of everything: others are being received, staged, committed and answered.
    await appliance.killAt('inbound.replied', 40)
    const acknowledged = (await Promise.all(Array.from({ length: senders }, (_, i) => sendUntilDead(appliance, `${name}, ${i}`)))).flat()
    await appliance.died()
    disk.cutPower(luck, seeded(name.length))

    expect(acknowledged.length).toBeGreaterThanOrEqual(40 - senders)
    await premises.inspect(async (store) => {
      await expectSound(store)
      const rows = await store.db.selectFrom('emails').select(['subject', 'raw_hash']).execute()
      const bySubject = new Map(rows.map((row) => [row.subject, row.raw_hash]))
      for (const { subject, raw } of acknowledged) {
        const stored = await store.blobs.read(store.db, bySubject.get(subject) ?? '')
        expect({ subject, whole: stored?.subarray(-raw.length).equals(raw) }).toEqual({ subject, whole: true })
      }
    })
  })
})

type Sent = { subject: string; raw: Buffer }

/** One letter after the other, every third large enough to become a file. @returns those that were acknowledged */
async function sendUntilDead({ smtp }: Appliance, name: string): Promise<Sent[]> {
  const acknowledged: Sent[] = []
  for (let i = 0; ; i++) {
    const letter = write(`${name}, ${i}`, i % 3 === 2 ? 100_000 : 300)
    try {
      await sendRaw({ ...smtp, reversePath: 'bo@remote.test', forwardPaths: ['support@ours.test'], raw: letter.raw })
    } catch (error) {
      if (error instanceof Error && 'responseCode' in error) throw error
      return acknowledged
    }
    acknowledged.push(letter)
  }
}

function write(subject: string, size: number): Sent {
  const words = `${subject}. `.repeat(Math.ceil(size / subject.length)).match(/.{1,70}/g) ?? []
  const fields = ['From: Bo <bo@remote.test>', 'To: support@ours.test', `Subject: ${subject}`, 'Date: Mon, 23 Nov 2026 10:00:00 +0000']
  return { subject, raw: Buffer.from([...fields, '', ...words, ''].join('\r\n')) }
}

/** The same numbers from 0 to below 1 for the same seed (mulberry32). */
function seeded(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}
