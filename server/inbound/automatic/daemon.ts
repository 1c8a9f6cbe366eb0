/** Mail systems that write themselves. */

const daemonNames = new Set([
  'mailer-daemon',
  'mailerdaemon',
  'mail-daemon',
  'mail.daemon',
  'mdaemon',
  'postmaster',
  'mailsystem',
  'mail-system',
])

/** Whether an address is one that mail systems write from. `postmaster` may be a person, too (RFC 5321 §4.5.1). */
export function isDaemon(address: string): boolean {
  const at = address.lastIndexOf('@')
  const local = address.slice(0, at < 0 ? undefined : at).toLowerCase()
  return daemonNames.has(local) || /^microsoftexchange[\da-f]{32}$/.test(local)
}
