/**
 * Has an agent send mail as fast as the API takes it, and says how much it was, as one line of JSON. Started inside the world by bench:outbound.
 * Arguments: url key mailbox-id file-with-markdown requests-at-once ms recipients-each
 */
import { readFileSync } from 'node:fs'

const [url = '', key = '', mailboxId = '', file = '', atOnce = '', ms = '', each = ''] = process.argv.slice(2)
const markdown = readFileSync(file, 'utf8')
const begin = Date.now()
const end = begin + Number(ms)
let messages = 0
let refused = ''

async function sendOne(number: number): Promise<void> {
  const to = Array.from({ length: Number(each) }, (_, at) => `user${at}@dest${number % 50}.example`)
  const response = await fetch(`${url}/v1/mailboxes/${mailboxId}/send`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: JSON.stringify({ to, subject: `Order ${begin}-${number}`, markdown: `${number}\n\n${markdown}` }),
  })
  const text = await response.text()
  if (response.ok) messages++
  else refused = `${response.status} ${text.slice(0, 200)}`
}

async function sender(first: number): Promise<void> {
  for (let number = first; Date.now() < end && refused === ''; number += Number(atOnce)) await sendOne(number)
}

await Promise.all(Array.from({ length: Number(atOnce) }, (_, at) => sender(at)))
console.log(JSON.stringify({ messages, begin, end: Date.now(), refused }))
