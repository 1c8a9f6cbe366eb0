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

/** @param message as `compose` made it */
export async function asSent(message: Buffer): Promise<AsSent> {
  const { text = '', html = '' } = await PostalMime.parse(message.subarray(0, mostRead))
  const links = [...html.matchAll(/<a href="([^"]*)"[^>]*>([^<]*)/g)].map(([, url = '', shown = '']) => linkOf(plain(url), plain(shown)))
  const images = [...html.matchAll(/<img [^>]*?src="([^"]*)"/g)].map(([, url = '']) => plain(url))
  const isCut = links.length > mostLinks || images.length > mostLinks
  return { headers: headersOf(message), text, html, links: links.slice(0, mostLinks), images: images.slice(0, mostLinks), isCut }
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

const looksLikeLink = (text: string): boolean => /^\S+\.\S+$/.test(text.trim()) || text.includes('://')
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
