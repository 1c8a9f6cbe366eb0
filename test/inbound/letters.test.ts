import { readFile } from 'node:fs/promises'
import { afterAll, expect, it } from 'vitest'
import { createWorkers } from '../../server/inbound/examine/workers.ts'
import { silentLog } from '../../server/platform/log.ts'
import { reader } from '../support/read-letter.ts'

const workers = createWorkers({ log: silentLog })
afterAll(() => workers.close())

/** Letters as programs write them; kept with LF line ends, for people. */
async function read(name: string) {
  const text = await readFile(new URL(`../fixtures/${name}.eml`, import.meta.url), 'utf8')
  const message = await reader(workers)(text.replaceAll('\n', '\r\n'))
  return { ...message, attachments: message?.attachments.map(({ content, ...rest }) => ({ ...rest, size: content.length })) }
}

it('a reply from Gmail: the plain text, without what it answers', async () => {
  expect(await read('gmail-reply')).toMatchObject({
    subject: 'Re: Lunch at noon',
    inReplyTo: ['<2026112310.1@ours.test>'],
    extracted: 'One is fine – see you there.',
    markdown: expect.stringContaining('> Lunch at noon?'),
    attachments: [],
    flags: [],
  })
})

it('a reply from Outlook, in HTML only: its picture is part of the text, not an attachment beside it', async () => {
  expect(await read('outlook-html')).toMatchObject({
    from: { address: 'bo@remote.test', name: 'Bossen, Bo' },
    extracted: 'Um eins passt es, schöne Grüße.\n\nRemote GmbH',
    markdown: expect.stringContaining('**Betreff:** Mittag'),
    attachments: [{ name: 'image001.png', contentType: 'image/png', contentId: '<image001.png@01DC>', isInline: true, size: 70 }],
    flags: [],
  })
})

it('a letter from Apple Mail with an attachment in the middle', async () => {
  expect(await read('apple-mail-attachment')).toMatchObject({
    subject: 'Rechnung für November',
    extracted: 'The invoice is below, with the list.\n\n\n\nBo',
    attachments: [{ name: 'Rechnung № 7.pdf', contentType: 'application/pdf', isInline: false, size: 15 }],
    flags: [],
  })
})

it('a newsletter: its HTML, because the plain text says nothing, without what it hides and without pictures that report the reader', async () => {
  const { markdown, flags } = await read('newsletter')
  expect(flags).toEqual(['hidden-text'])
  expect(markdown).toBe(
    '# Ten for two\n\nThis week only: take **ten** and pay for two, in every shop and online, until Sunday evening.\n\n[To the offer](https://remote.test/offer?id=1&to=ann)',
  )
})

it('a bounce: what it says, with the report and the message as attachments', async () => {
  expect(await read('bounce')).toMatchObject({
    extracted: expect.stringContaining('<cy@remote.test>: user unknown'),
    attachments: [{ contentType: 'message/delivery-status' }, { contentType: 'message/rfc822' }],
    flags: [],
  })
})
