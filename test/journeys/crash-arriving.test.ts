import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import type { Store } from '../../server/store/db.ts'
import type { Engine } from '../../server/store/engine.ts'
import type { Appliance } from '../support/child-appliance.ts'
import { expectSound } from '../support/crash-checks.ts'
import { createPremises, type Premises } from '../support/premises.ts'
import { sendRaw } from '../support/send-raw.ts'

// Every step between the last octet of a message and the reply to it. A staged message is a large one, whose file is on disk before its row.
const steps = ['inbound.received', 'inbound.examined', 'inbound.staged', 'inbound.stored', 'inbound.replied']

// Each is several starts of the whole appliance, which a busy machine takes its time for.
const timeoutMs = 120_000

suite('sqlite')
suite('postgres')

function suite(engine: Engine): void {
  describe.skipIf(engine === 'postgres' && inject('postgresUrl') === null)(
    `an appliance on ${engine}, killed while mail arrives`,
    { timeout: timeoutMs },
    () => {
      let premises: Premises
      let appliance: Appliance | null = null

      beforeAll(async () => {
        const names = { 'remote.test': { TXT: ['v=spf1 ip4:127.0.0.1 -all'] } }
        premises = await createPremises({ engine, remotePort: 9, names })
      })
      afterAll(() => premises.remove())
      beforeEach(async () => {
        appliance ??= await premises.start()
      })

      it.each(steps)('at %s, has what it acknowledged exactly once, and the sender still has the rest', async (step) => {
        const letters = write(step)
        const running = appliance as Appliance
        appliance = null
        // Several at once, so that at the second one's step others are anywhere else.
        await running.killAt(step, 2)
        const acknowledged = await Promise.all(letters.map((letter) => offer(running, letter)))
        await running.died()
        await premises.inspect(async (store) => {
          await expectSound(store)
          await expectCopies(store, letters, (i) => (acknowledged[i] ? [1] : [0, 1]))
        })

        appliance = await premises.start()
        const acknowledgedAgain: boolean[] = []
        for (const [i, letter] of letters.entries()) acknowledgedAgain.push(acknowledged[i] === true || (await offer(appliance, letter)))
        expect(acknowledgedAgain).not.toContain(false)
        // A message that was stored but not acknowledged comes twice: the sender could not know (RFC 5321 §6.1, RFC 1047).
        await premises.inspect((store) => expectCopies(store, letters, (i) => (acknowledged[i] ? [1] : [1, 2])))
      })
    },
  )
}

/** As a sending host holds it until it hears 250. */
type Letter = { subject: string; to: string[]; raw: Buffer }

/** Small ones, two that are large enough to become files, and one for two mailboxes, which both get it or neither. */
function write(step: string): Letter[] {
  const support = 'support@ours.test'
  const robot = 'robot@ours.test'
  const recipients = [[support], [support], [support], [robot], [support, robot]]
  return recipients.map((to, i) => letter(`${step} ${i}`, to, i % 2 === 0 ? 200 : 100_000))
}

function letter(subject: string, to: string[], size: number): Letter {
  const fields = [
    'From: Bo <bo@remote.test>',
    `To: ${to.join(', ')}`,
    `Subject: ${subject}`,
    `Message-ID: <${subject.replace(' ', '-')}@remote.test>`,
  ]
  const body = `${subject} `.repeat(Math.ceil(size / subject.length)).match(/.{1,70}/g) ?? []
  return { subject, to, raw: Buffer.from([...fields, 'Date: Mon, 23 Nov 2026 10:00:00 +0000', '', ...body, ''].join('\r\n')) }
}

/** True when it was acknowledged; false when the connection was lost before that. */
async function offer({ smtp }: Appliance, { to, raw }: Letter): Promise<boolean> {
  try {
    await sendRaw({ ...smtp, reversePath: 'bo@remote.test', forwardPaths: to, raw })
    return true
  } catch (error) {
    // A refusal is an answer, and none of these deserves one.
    if (error instanceof Error && 'responseCode' in error) throw error
    return false
  }
}

/** Each letter is in each of its mailboxes as often as `allowed` says, the same in all, and every copy is what was sent, octet for octet. */
async function expectCopies(store: Store, letters: readonly Letter[], allowed: (index: number) => number[]): Promise<void> {
  for (const [i, { subject, to, raw }] of letters.entries()) {
    const copies = await store.db
      .selectFrom('emails')
      .innerJoin('mailboxes', 'mailboxes.id', 'emails.mailbox_id')
      .select(['mailboxes.address', 'emails.raw_hash'])
      .where('subject', '=', subject)
      .execute()
    const counts = to.map((address) => copies.filter((copy) => copy.address === address).length)
    expect({ subject, counts: allowed(i).map((count) => to.map(() => count)) }).toMatchObject({
      subject,
      counts: expect.arrayContaining([counts]),
    })
    for (const { raw_hash } of copies) {
      const stored = raw_hash === null ? null : await store.blobs.read(store.db, raw_hash)
      expect({ subject, octets: stored?.subarray(-raw.length).equals(raw) }).toEqual({ subject, octets: true })
    }
  }
}
