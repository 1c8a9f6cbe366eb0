/** Pages for people: whole by themselves, with nothing from anywhere else, and nothing of a request in them but what is escaped. */
import { createHash } from 'node:crypto'
import type { FastifyReply } from 'fastify'

/** `forms`: what is typed in goes back to this server. */
export type Page = { title: string; body: string; style: string; scripts?: boolean; forms?: boolean }

export const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

/** @param page.title @param page.body as HTML: whatever is not ours is `escaped` */
export function sendPage(reply: FastifyReply, { title, body, style, scripts = false, forms = false }: Page): FastifyReply {
  const hash = createHash('sha256').update(style).digest('base64')
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${hash}'`,
    ...(scripts ? ["script-src 'self'", "connect-src 'self'", "require-trusted-types-for 'script'", "trusted-types 'none'"] : []),
    "base-uri 'none'",
    `form-action ${forms ? "'self'" : "'none'"}`,
    "frame-ancestors 'none'",
  ]
  return reply
    .header('content-security-policy', policy.join('; '))
    .type('text/html; charset=utf-8')
    .send(
      `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${escaped(title)}</title><meta name="viewport" content="width=device-width">` +
        `<style>${style}</style></head><body>${body}</body></html>`,
    )
}

export const plainStyle =
  ':root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}body{max-width:60rem;margin:0 auto;padding:1rem}' +
  'textarea{width:100%;font:13px/1.4 monospace}code,pre{font:13px/1.4 monospace}pre{overflow-x:auto;padding:.5rem;border:1px solid #8886}' +
  'table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.2rem .6rem .2rem 0;border-top:1px solid #8886;overflow-wrap:anywhere}' +
  'section{margin:2rem 0;border-top:2px solid #8886}'
