/** What a saved letter says, by whatever its bytes were made fit for the way (RFC 2045 §6). Pure. */

/** The text as it is; with quoted-printable undone; and what each run of base64 lines holds. Parts are not told apart: for what is signed it does not matter where
 *  it stands. */
export function* textsOf(saved: string): Generator<string> {
  yield saved
  yield quotedPrintable(saved)
  for (const run of base64Runs(saved)) yield Buffer.from(run, 'base64').toString('utf8')
}

/** §6.7: soft line ends go, `=E2` is an octet. */
const quotedPrintable = (text: string): string =>
  Buffer.from(
    text.replaceAll(/=[ \t]*\r?\n/g, '').replaceAll(/=([0-9A-F]{2})/gi, (_octet, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString('utf8')

/** §6.8: lines of nothing but its alphabet. */
function base64Runs(text: string): string[] {
  const runs = ['']
  for (const line of text.split('\n').map((one) => one.trimEnd())) {
    if (/^[A-Za-z0-9+/]+={0,2}$/.test(line)) runs.push((runs.pop() ?? '') + line)
    else if (runs.at(-1) !== '') runs.push('')
  }
  return runs.filter((run) => run !== '')
}
