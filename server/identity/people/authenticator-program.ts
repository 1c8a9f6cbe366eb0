/** An authenticator program as a second means beside the mailed code: shown a secret once, and believed from its first right code on. */
import { randomBytes } from 'node:crypto'
import { type Result, fail, ok } from '../../model/result.ts'
import { lockAccount } from '../../store/accounts.ts'
import { appendLog } from '../../store/log.ts'
import { type PersonRow, changePerson, personById } from '../../store/people.ts'
import { type PeopleDeps, personEntry } from './person.ts'
import { fromBase32, matchingStep, toBase32, totpAddress, totpSecretBytes } from './totp.ts'

/** `secret`: base32; `address`: the same as such programs read it. Of no use before `confirmTotp`. */
export type NewTotp = { secret: string; address: string }

export const newTotp = ({ store, publicUrl }: PeopleDeps, { id, account_id, address }: PersonRow): Promise<NewTotp> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, account_id)
    const secret = toBase32(randomBytes(totpSecretBytes))
    await changePerson(tx, id, { totp_new_secret: secret })
    return { secret, address: totpAddress(secret, { issuer: `MultiMail ${new URL(publicUrl).host}`, name: address }) }
  })

export const confirmTotp = (
  { store, clock }: PeopleDeps,
  { id, account_id }: PersonRow,
  code: string,
): Promise<Result<true, 'TOTP_WRONG'>> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, account_id)
    const person = await personById(tx, id)
    const secret = person?.totp_new_secret ?? null
    const now = clock.now()
    const step = secret === null ? null : matchingStep(fromBase32(secret), code, { now, lastStep: null })
    if (person === undefined || step === null) return fail('TOTP_WRONG')
    await changePerson(tx, id, { totp_secret: secret, totp_new_secret: null, totp_step: step, totp_misses: 0 })
    await appendLog(tx, personEntry('person.totp_added', person, now))
    return ok(true)
  })

export const noTotp = { totp_secret: null, totp_new_secret: null, totp_step: null, totp_misses: 0 } as const

export const removeTotp = ({ store, clock }: PeopleDeps, { id, account_id }: PersonRow): Promise<void> =>
  store.transaction(async (tx) => {
    await lockAccount(tx, account_id)
    const person = await personById(tx, id)
    if (person === undefined || person.totp_secret === null) return
    await changePerson(tx, id, noTotp)
    await appendLog(tx, personEntry('person.totp_removed', person, clock.now()))
  })
