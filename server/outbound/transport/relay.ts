import { formatReply } from '../../model/reply.ts'
import { type Ending, ourEnding } from '../transport.ts'

/** RFC 4954 §6: the login is wanted, wrong, too weak or too old. */
const loginCodes = [530, 534, 535, 538]
const notForUs = /\brelay(?:ing)?\b.{0,40}\b(?:denied|not (?:permitted|allowed)|prohibited|refused)\b|\bauthentication (?:is )?required\b/i

/** A smarthost that refuses us, not the message: the operator can mend that, and no recipient or message is to suffer for it until then. */
export function relayTrouble(ending: Ending): Ending {
  const { reply, stage } = ending
  const isAboutUs = loginCodes.includes(reply.code) || (stage !== 'dot' && reply.code >= 500 && notForUs.test(reply.text))
  return isAboutUs ? ourEnding(stage, 454, '4.7.8', `The smarthost does not let us in: ${formatReply(reply)}`) : ending
}
