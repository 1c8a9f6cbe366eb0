/** What the name of a file promises or hides: a claim of whoever sent it. */

const words = (text: string): ReadonlySet<string> => new Set(text.split(/\s+/))
/** Files that do something when they are opened, on one system or another. */
export const programs = words(
  `exe scr com pif bat cmd msi msix msp cpl dll jar js jse vbs vbe wsf wsh hta ps1 psm1 reg lnk url scf inf application gadget appx apk dmg pkg
  sh desktop chm xll library-ms settingcontent-ms`,
)
export const diskImages = words('iso img vhd vhdx udf')
export const pages = words('html htm shtml xhtml mht mhtml svg')
const documents = words('pdf doc docx xls xlsx ppt pptx jpg jpeg png gif txt csv mp3 mp4 rtf odt')

/** `report.pdf.exe` has two; what a path or a cut could hide is cut away first. */
export const endingsOf = (name: string): string[] =>
  name
    .toLowerCase()
    .trim()
    .split('.')
    .slice(1)
    .slice(-3)
    .map((ending) => ending.trim())

/** A document by one ending and something else by the last, spaces that push the last out of sight, or letters in another order. */
export function isMisleading(name: string): boolean {
  const endings = endingsOf(name)
  const [inner, last] = [endings.at(-2) ?? '', endings.at(-1) ?? '']
  if (/[\u202a-\u202e\u2066-\u2069]/.test(name) || / {5,}/.test(name)) return true
  return documents.has(inner) && (programs.has(last) || diskImages.has(last) || pages.has(last))
}

const longestSaved = 150

/** A name under which a file may be saved: no path, nothing that turns letters round or cannot be seen, its ending kept. */
export function savableName(name: string): string {
  const clean = name
    .toWellFormed()
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}/\\:\ufffd]/gu, '_')
    .trim()
  const ending = /\.[\p{L}\p{N}]{1,12}$/u.exec(clean)?.[0] ?? ''
  const characters = Array.from(clean)
  const short = characters.length > longestSaved ? characters.slice(0, longestSaved - Array.from(ending).length).join('') + ending : clean
  return /^[._\s]*$/.test(short) ? 'attachment' : short
}
