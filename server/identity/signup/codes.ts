/** The codes of a sign-up: one for the agent, one for the person who answers for it. Only keyed hashes of them are kept. */
import { randomInt } from 'node:crypto'
import type { SignupId } from '../../model/ids.ts'
import { makeSpokenCode, plainCode } from '../../model/spoken-code.ts'
import type { SignupRow } from '../../store/signups.ts'
import { keyed } from './challenge.ts'
import type { Side } from './terms.ts'

export const codeHash = (secret: string, side: Side, code: string): string => keyed(secret, `code-${side}`, plainCode(code))
export const otpHash = (secret: string, id: SignupId, otp: string): string => keyed(secret, 'otp', id, otp)
/** 43 bits, of which a network may try five in an hour. */
const makeSignupCode = (): string => makeSpokenCode(3, 3)

export type Codes = { code: string; ownerCode: string; hashes: Pick<SignupRow, 'code_hash' | 'owner_hash'> }

export function codesOf(secret: string, id: SignupId, isAgent: boolean): Codes {
  const code = isAgent ? String(randomInt(1_000_000)).padStart(6, '0') : makeSignupCode()
  const ownerCode = makeSignupCode()
  const code_hash = isAgent ? otpHash(secret, id, code) : codeHash(secret, 'agent', code)
  return { code, ownerCode, hashes: { code_hash, owner_hash: codeHash(secret, 'owner', ownerCode) } }
}
