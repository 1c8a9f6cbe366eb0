/** What the scan wants to know of the elements of a letter, beside their text. */
import type { Attributes } from './document.ts'
import { isStandardElement } from './elements.ts'

/** A link as it was written; `text` are its visible words, at most 300 characters. */
export type Link = { target: string; text: string }

export type Notes = {
  /** the first 1,000 */
  links: readonly Link[]
  pictures: number
  form: 'none' | 'form' | 'password'
  /** names of elements that HTML does not have, the first 20 */
  strangeElements: readonly string[]
}

const maxLinks = 1_000
const maxTarget = 2_000
const maxLinkText = 300
const maxStrange = 20

type NoteTaker = {
  element(name: string, attributes: Attributes): void
  endLink(): void
  /** visible text */
  words(text: string): void
  result(): Notes
}

export function createNotes(): NoteTaker {
  const links: Link[] = []
  const strangeElements: string[] = []
  let link: Link | null = null
  let pictures = 0
  let form: Notes['form'] = 'none'
  return {
    element(name, attributes) {
      const target = name === 'a' || name === 'area' ? attributes.get('href') : undefined
      if (target !== undefined && links.length < maxLinks) {
        link = { target: target.trim().slice(0, maxTarget), text: '' }
        links.push(link)
      }
      if (name === 'img') pictures++
      if (name === 'form' && form === 'none') form = 'form'
      if (name === 'input' && attributes.get('type')?.trim().toLowerCase() === 'password') form = 'password'
      if (strangeElements.length < maxStrange && !isStandardElement(name)) strangeElements.push(name.slice(0, 40))
    },
    endLink() {
      link = null
    },
    words(text) {
      if (link !== null && link.text.length < maxLinkText) link.text = (link.text + text).slice(0, maxLinkText)
    },
    result: () => ({ links, pictures, form, strangeElements }),
  }
}
