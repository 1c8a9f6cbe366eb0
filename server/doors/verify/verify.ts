/** The page where whoever got a message finds out who signed what it says of its author (contract §11.3). The check runs in the reader's browser. */
import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { plainStyle, sendPage } from '../pages.ts'

const scripts = ['check.js', 'page.js'] as const

export const verifyRoutes: readonly string[] = ['/verify', ...scripts.map((name) => `/verify/${name}`)]

export function serveVerify(app: FastifyInstance): void {
  app.get('/verify', async (_request, reply) => sendPage(reply, { title: 'Verify a sender', body, style, scripts: true }))
  for (const name of scripts) {
    const source = readFileSync(new URL(name, import.meta.url), 'utf8')
    app.get(`/verify/${name}`, async (_request, reply) => reply.type('text/javascript; charset=utf-8').send(source))
  }
}

const style = `${plainStyle}output.bad h2{color:#c00}output.this-message h2{color:#080}output ul{list-style:none;padding:0}`

const body = `<h1>Verify a sender</h1>
<p>Mail of this server has a header field <code>X-MultiMail-Identity</code>: what the server says about who wrote it, signed. Paste that field, the
whole header, or best the whole message as your program shows its source; or open the file in which it is saved. It does not leave your browser.</p>
<form><p><textarea rows="10" aria-label="The field, the header or the message" spellcheck="false" autocomplete="off"></textarea></p>
<p><input type="file" aria-label="A saved message"> <button>Verify</button></p></form>
<output aria-live="polite"></output>
<noscript><p>The check is a program in this page, and your browser does not run it.</p></noscript>
<h2>What this says, and what not</h2>
<p>The claims are those of the installation at this address, signed with the key at <a href="/.well-known/multimail-signing-key">/.well-known/multimail-signing-key</a>:
whether an AI agent wrote it, for whom, and what a person had to do with it. Nobody else has looked into them.</p>
<p>They name one message by its Message-ID (<code>mid</code>) and by a hash of its text and attachments (<code>bh</code>). Only with the whole message can it be told whether it
is that one; a token by itself can be copied to any other. Mailing lists and some gateways change messages, and then the text is not what was sent.</p>
<script type="module" src="/verify/page.js"></script>`
