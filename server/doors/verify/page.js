/** The page at /verify: hands what is pasted or opened to check.js and shows what comes of it, as text. */
import { bytesOf, check, octetsOf } from './check.js'

const form = document.querySelector('form')
const pasted = document.querySelector('textarea')
const file = document.querySelector('input[type=file]')
const out = document.querySelector('output')

const words = {
  'this-message': 'This message is as this server signed it.',
  signed: 'These claims are genuine. Whether they belong to the message in front of you was not checked.',
  bad: 'Do not rely on it.',
}
const marks = new Map([
  [true, '✓ '],
  [false, '✗ '],
  [null, '? '],
])

const element = (name, text, ...children) => {
  const one = document.createElement(name)
  if (text !== null) one.textContent = text
  one.append(...children)
  return one
}

function show({ verdict, findings, claims }) {
  const list = element('ul', null, ...findings.map(({ ok, text }) => element('li', marks.get(ok) + text)))
  const rows = claims.map(([name, value]) => element('tr', null, element('th', name), element('td', value)))
  out.className = verdict
  out.replaceChildren(
    element('h2', words[verdict]),
    list,
    ...(rows.length > 0 ? [element('table', null, element('tbody', null, ...rows))] : []),
  )
}

async function run(octets) {
  try {
    const answer = await fetch('/.well-known/multimail-signing-key', { credentials: 'omit' })
    const { keys } = await answer.json()
    show(await check(octets, { origin: location.origin, keys }))
  } catch {
    show({ verdict: 'bad', findings: [{ ok: null, text: 'The public key of this server could not be fetched. Try again.' }], claims: [] })
  }
}

form.addEventListener('submit', async (event) => {
  event.preventDefault()
  const [chosen] = file.files
  await run(chosen === undefined ? octetsOf(new TextEncoder().encode(pasted.value)) : octetsOf(new Uint8Array(await chosen.arrayBuffer())))
})

/** The fragment of an address is not sent to any server. */
function fromAddress() {
  const token = location.hash.slice(1)
  if (token === '') return
  pasted.value = token
  void run(octetsOf(bytesOf(token)))
}
addEventListener('hashchange', fromAddress)
fromAddress()
