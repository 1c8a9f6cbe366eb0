import { BlockList, isIP, isIPv6 } from 'node:net'
import { type Mode, type SettingName, factsOf, settingNames, settings } from './schema.ts'

/** The settings that somebody wrote down, as written. */
export type Given = Partial<Record<SettingName, string>>

/** Every way in which settings contradict each other, which one alone cannot tell; each a sentence that says what to do. */
export const contradictions = (given: Given): string[] => [
  ...wrongMode(given),
  ...notLoopback(given),
  ...halfCertificate(given),
  ...halfLogin(given),
  ...signUpNowhere(given),
]

const modeOf = (given: Given): Mode => (given.MULTIMAIL_HOSTNAME === undefined ? 'local' : 'server')

const misplaced: Record<Mode, string> = {
  server: 'means something in server mode only: set MULTIMAIL_HOSTNAME too, or remove it (in local mode no mail leaves this machine)',
  local: 'means something in local mode only: remove it, or remove MULTIMAIL_HOSTNAME',
}

const wrongMode = (given: Given): string[] =>
  settingNames.flatMap((name) => {
    const only = factsOf.get(settings.shape[name])?.only
    return given[name] !== undefined && only !== undefined && only !== modeOf(given) ? [`${name} ${misplaced[only]}.`] : []
  })

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

function notLoopback(given: Given): string[] {
  if (modeOf(given) === 'server') return []
  return (['MULTIMAIL_SMTP_HOST', 'MULTIMAIL_HTTP_HOST'] as const).flatMap((name) => {
    const address = given[name]
    if (address === undefined || isIP(address) === 0 || loopback.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')) return []
    return [
      `${name} is ${address}, but local mode listens on this machine only: write 127.0.0.1, or set MULTIMAIL_HOSTNAME for server mode.`,
    ]
  })
}

function halfCertificate(given: Given): string[] {
  const [certificate, key] = [given.MULTIMAIL_TLS_CERT_FILE, given.MULTIMAIL_TLS_KEY_FILE]
  if ((certificate === undefined) === (key === undefined)) return []
  const [has, lacks] = key === undefined ? ['CERT', 'KEY'] : ['KEY', 'CERT']
  return [`MULTIMAIL_TLS_${has}_FILE needs MULTIMAIL_TLS_${lacks}_FILE: set both or neither.`]
}

function halfLogin(given: Given): string[] {
  const [host, user, password] = [given.MULTIMAIL_SMARTHOST, given.MULTIMAIL_SMARTHOST_USER, given.MULTIMAIL_SMARTHOST_PASSWORD]
  if ((user === undefined) !== (password === undefined)) {
    return ['MULTIMAIL_SMARTHOST_USER and MULTIMAIL_SMARTHOST_PASSWORD need each other: set both or neither.']
  }
  return user !== undefined && host === undefined
    ? ['MULTIMAIL_SMARTHOST_USER needs MULTIMAIL_SMARTHOST: set it, or remove the login.']
    : []
}

function signUpNowhere({ MULTIMAIL_SIGNUP: kind, MULTIMAIL_SIGNUP_DOMAIN: domain }: Given): string[] {
  return kind !== undefined && kind !== 'off' && domain === undefined
    ? ['MULTIMAIL_SIGNUP needs MULTIMAIL_SIGNUP_DOMAIN, where the mailboxes of new accounts are: set it, or remove MULTIMAIL_SIGNUP.']
    : []
}
