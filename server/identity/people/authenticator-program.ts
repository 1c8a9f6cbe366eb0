/** An authenticator program as a second means beside the mailed code: shown a secret once, and believed from its first right code on. */
import { randomBytes } from 'node:crypto'
import { type Result, fail, ok } from '../../model/result.ts'
import { appendLog } from '../../store/log.ts'
import { changePerson } from '../../store/people.ts'
import { type PeopleDeps, type SignedIn, personEntry } from './person.ts'
import { type Over, whileSignedIn } from './sessions.ts'
import { fromBase32, matchingStep, toBase32, totpAddress, totpSecretBytes } from './totp.ts'

/** `secret`: base32; `address`: the same as such programs read it. Of no use before `confirmTotp`. */
export type NewTotp = { secret: string; address: string }

export const newTotp = (deps: PeopleDeps, who: SignedIn): Promise<Result<NewTotp, 'NOT_SIGNED_IN'>> =>
  whileSignedIn(deps, who, async (tx, { id, address }) => {
    const secret = toBase32(randomBytes(totpSecretBytes))
    await changePerson(tx, id, { totp_new_secret: secret })
    const issuer = `MultiMail ${new URL(deps.publicUrl).host}`
    return ok({ secret, address: totpAddress(secret, { issuer, name: address }) })
  })

export const confirmTotp = (deps: PeopleDeps, who: SignedIn, code: string): Promise<Result<true, 'TOTP_WRONG'> | Over> =>
  whileSignedIn(deps, who, async (tx, person, now) => {
    const secret = person.totp_new_secret
    const step = secret === null ? null : matchingStep(fromBase32(secret), code, { now, lastStep: null })
    if (step === null) return fail('TOTP_WRONG')
    await changePerson(tx, person.id, { totp_secret: secret, totp_new_secret: null, totp_step: step, totp_misses: 0 })
    await appendLog(tx, personEntry('person.totp_added', person, now))
    return ok(true)
  })

export const noTotp = { totp_secret: null, totp_new_secret: null, totp_step: null, totp_misses: 0 } as const

export const removeTotp = (deps: PeopleDeps, who: SignedIn): Promise<Result<true, 'NOT_SIGNED_IN'>> =>
  whileSignedIn(deps, who, async (tx, person, now) => {
    if (person.totp_secret === null) return ok(true)
    await changePerson(tx, person.id, noTotp)
    await appendLog(tx, personEntry('person.totp_removed', person, now))
    return ok(true)
  })
