import { expect, it } from 'vitest'
import { referencePage } from '../../server/doors/reference.ts'
import { openDesk } from '../support/desk.ts'
import { describeOnOneEngine } from '../support/stores.ts'
import { documented, wireDocument } from '../support/wire-document.ts'

/** As HTML writes it. */
const html = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')

describeOnOneEngine('the reference page', (openStore) => {
  it('is for everybody, and runs nothing: no script, and nothing from elsewhere', async () => {
    const desk = await openDesk(openStore)
    const answer = await fetch(`${desk.url}/docs`)
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    const policy = answer.headers.get('content-security-policy')
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'$/)
    const page = await answer.text()
    expect(page).not.toMatch(/<script|<iframe|<img|<link|<object|\son\w+=|\sstyle=|\ssrc=|@import|url\(/i)
    const hrefs = [...page.matchAll(/href="([^"]*)"/g)].map(([, href]) => String(href))
    for (const href of hrefs) expect(href).toMatch(/^(?:#[\w.-]+|\/openapi\.json)$/)
  })

  it('has each operation once, with its scope, its fields, a call to paste, and its answers', () => {
    const document = wireDocument()
    const page = referencePage(document)
    const sections = new Map(
      page
        .split('<section id="')
        .slice(1)
        .map((one) => [one.slice(0, one.indexOf('"')), one]),
    )
    expect(sections.size).toBe(documented(document).length + 1)
    for (const { path, method, operation } of documented(document)) {
      const section = sections.get(operation.operationId) ?? ''
      expect(page).toContain(`<a href="#${operation.operationId}">`)
      expect(section).toContain(`<code>${html(`${method.toUpperCase()} ${path}`)}</code>`)
      expect(section).toContain(html(operation.summary))
      expect(section).toContain(html(operation.description ?? ''))
      expect(section).toContain(`curl `)
      for (const { name } of operation.parameters ?? []) expect(section).toContain(`<code>${html(name)} (`)
      const fields = operation.requestBody?.content['application/json']?.schema?.['properties'] ?? {}
      for (const name of Object.keys(fields)) expect([path, section]).toEqual([path, expect.stringContaining(`<code>${html(name)}</code>`)])
      for (const status of Object.keys(operation.responses).filter((one) => one !== 'default'))
        expect(section).toContain(`Answer ${status}:`)
      expect([path, /Scope: \w+|no key is needed/.test(section)]).toEqual([path, operation.description !== undefined])
    }
    expect(sections.get('errors')).toContain('RATE_LIMITED')
  })

  it('shows what is hostile in a document as text', () => {
    const operation = { operationId: 'x"><script>', summary: '<img src=x>', description: '</p><script>alert(1)</script>', responses: {} }
    const body = {
      content: { 'application/json': { schema: { properties: { '<b>': { description: '"&\'' } } }, example: { a: "'; rm -rf /" } } },
    }
    const page = referencePage({ servers: [{ url: 'https://x' }], paths: { "/a'<b>": { post: { ...operation, requestBody: body } } } })
    expect(page).not.toMatch(/<script|<img|<b>/)
    expect(page).toContain(html(`'\\''; rm -rf /`))
  })
})
