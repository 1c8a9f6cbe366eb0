/** What HTML elements mean to a reader, as tables (HTML Living Standard §13.1.2, §13.2.6, §15.3). */

const names = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))

export const voidElements = names('area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr')

/** Elements whose words no mail program shows as part of the letter. */
export const neverShown = names(
  'script style title template noscript iframe object embed applet svg math canvas audio video noembed noframes datalist meter progress',
)

/** They begin and end a paragraph. */
export const blocks = names(
  `address article aside blockquote body center dd details dialog dir div dl dt fieldset figcaption figure footer form frameset h1 h2 h3 h4 h5
  h6 header hgroup hr html legend li listing main menu nav ol optgroup option output p pre section summary table tbody td tfoot th thead tr ul`,
)

/** Opening one of these ends an open paragraph (§13.2.6.4.7). */
export const endsParagraph = names(
  `address article aside blockquote center dd details dialog dir div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header
  hgroup hr li listing main menu nav ol p plaintext pre search section summary table ul xmp`,
)

/** An end tag or an implied end reaches no farther up than one of these (§13.2.4.2, "has an element in scope"). */
const scope = 'applet caption html table td th marquee object template'
const scopeLimits = names(scope)
const listLimits = names(`${scope} ol ul`)
const paragraphLimits = names(`${scope} button`)
const tableLimits = names('html table template')
const rowLimits = names('html table template tbody thead tfoot')
const cellLimits = names('html table template tr')

/** What an opening tag closes by itself: the outermost of `ends` that is open below `limits`. */
export type ImpliedEnd = { ends: ReadonlySet<string>; limits: ReadonlySet<string> }
export const paragraphEnd: ImpliedEnd = { ends: names('p'), limits: paragraphLimits }
const definitionEnd: ImpliedEnd = { ends: names('dd dt'), limits: names(`${scope} dl`) }
const cellEnd: ImpliedEnd = { ends: names('td th'), limits: cellLimits }
const sectionEnd: ImpliedEnd = { ends: names('tbody thead tfoot tr td th caption colgroup'), limits: tableLimits }
export const impliedEnds: ReadonlyMap<string, ImpliedEnd> = new Map([
  ['li', { ends: names('li'), limits: listLimits }],
  ['dd', definitionEnd],
  ['dt', definitionEnd],
  ['option', { ends: names('option'), limits: names('select datalist optgroup') }],
  ['td', cellEnd],
  ['th', cellEnd],
  ['tr', { ends: names('tr td th'), limits: rowLimits }],
  ['tbody', sectionEnd],
  ['thead', sectionEnd],
  ['tfoot', sectionEnd],
  ['a', { ends: names('a'), limits: scopeLimits }],
  ['body', { ends: names('head'), limits: names('html') }],
])

/** End tags of a table's own parts are not stopped by its cells. */
export const limitsOfEndTag = (name: string): ReadonlySet<string> =>
  name === 'td' || name === 'th' || name === 'tr' || name === 'tbody' || name === 'thead' || name === 'tfoot' || name === 'caption'
    ? tableLimits
    : name === 'table'
      ? noLimits
      : scopeLimits
const noLimits: ReadonlySet<string> = new Set(['html'])

const standard = names(
  `${[...voidElements, ...neverShown, ...blocks].join(' ')} a abbr acronym b bdi bdo big blink button caption cite code colgroup data del dfn
  em font frame head i image ins kbd label map mark marquee nobr optgroup picture plaintext q rb rp rt rtc ruby s samp select
  slot small span strike strong sub sup textarea time tt u var xmp`,
)
/** Elements with a colon or a hyphen are extensions: Word writes `o:p`. */
export const isStandardElement = (name: string): boolean => standard.has(name) || name.includes(':') || name.includes('-')
