import { getDocumentProxy } from 'unpdf'
import { createCollector } from './collector.ts'
import { type FileText, NotReadable, type TextTask } from './words.ts'

const mostPages = 2_000

/** The text of a PDF, page after page. Nothing is fetched, no font is loaded, nothing in it is run. */
export async function textOfPdf({ bytes, mostCharacters }: Omit<TextTask, 'kind'>): Promise<FileText> {
  const pdf = await getDocumentProxy(new Uint8Array(bytes), {
    useSystemFonts: false,
    disableFontFace: true,
    enableXfa: false,
    stopAtErrors: false,
    verbosity: 0,
  }).catch((error: unknown) => {
    throw error instanceof Error && error.name === 'PasswordException' ? new NotReadable('ATTACHMENT_ENCRYPTED') : error
  })
  const out = createCollector(mostCharacters)
  for (let at = 1; at <= Math.min(pdf.numPages, mostPages) && !out.isFull(); at++) {
    const page = await pdf.getPage(at)
    const { items } = await page.getTextContent()
    for (const item of items) if ('str' in item) out.add(item.hasEOL ? `${item.str}\n` : item.str)
    out.add('\n\n')
    page.cleanup()
  }
  const made = out.result()
  return { ...made, isCut: made.isCut || pdf.numPages > mostPages, parts: pdf.numPages }
}
