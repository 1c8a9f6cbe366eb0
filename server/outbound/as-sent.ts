/** What recipients will see of a composed message, read from its bytes: not what somebody meant to send, but what is there. */
import PostalMime, { decodeWords } from 'postal-mime'
import { fieldValue, headerFields, splitMessage } from '../model/headers.ts'

export type AsSent = {
  /** in order; encoded words are decoded (RFC 2047) */
  headers: { name: string; value: string }[]
  /** the parts that mail programs show; '' when there is none */
  text: string
  html: string
  /** `saysOtherwise`: what a reader sees of it looks like another link */
  links: { url: string; text: string; saysOtherwise: boolean }[]
  /** what is loaded when it is looked at */
  images: string[]
  /** there was more than is read here */
  isCut: boolean
}

/** Texts come first in what we compose, and are far shorter than this; what follows are attachments. In bytes. */
const mostRead = 4 * 1024 * 1024
const mostLinks = 200
/** Characters of a text of a link by which it is told whether it looks like one. */
const mostOfText = 2000

/** @param message as `compose` made it */
export async function asSent(message: Buffer): Promise<AsSent> {
  const { text = '', html = '' } = await PostalMime.parse(message.subarray(0, mostRead))
  // One more than are read tells that there are more.
  const anchors = [...html.matchAll(/<a href="([^"]{0,4000})"[^>]{0,4000}>([^<]*)/g).take(mostLinks + 1)]
  const pictures = [...html.matchAll(/<img [^>]{0,4000}?src="([^"]{0,4000})"/g).take(mostLinks + 1)]
  const isCut = anchors.length > mostLinks || pictures.length > mostLinks
  const links = anchors.slice(0, mostLinks).map(([, url = '', shown = '']) => linkOf(plain(url), plain(shown)))
  return { headers: headersOf(message), text, html, links, images: pictures.slice(0, mostLinks).map(([, url = '']) => plain(url)), isCut }
}

const headersOf = (message: Buffer): AsSent['headers'] =>
  headerFields(splitMessage(message).header).map((field) => ({
    name: field.raw.subarray(0, Math.max(0, field.raw.indexOf(':'))).toString('latin1'),
    value: decodeWords(fieldValue(field)),
  }))

const linkOf = (url: string, text: string): AsSent['links'][number] => ({
  url,
  text,
  saysOtherwise: looksLikeLink(text) && !isSaid(url, text),
})

function looksLikeLink(text: string): boolean {
  const shown = text.trim().slice(0, mostOfText)
  return (!/\s/.test(shown) && /[^.]\.[^.]/.test(shown)) || text.includes('://')
}
const isSaid = (url: string, text: string): boolean => hostIn(url) === hostIn(text)
const hostIn = (link: string): string =>
  link
    .trim()
    .toLowerCase()
    .replace(/^[a-z]{1,10}:(?:\/\/)?/, '')
    .replace(/^www\./, '')
    .split(/[/?#]/, 1)[0] ?? ''

/** As `escapeHtml` of markdown-it and the footer write it. */
const plain = (html: string): string =>
  html.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
