/** The page at /session: signs somebody in, shows what waits, and sends what they decide. Whatever is shown is text, never HTML. */

const byId = (id) => document.querySelector(`#${id}`)
const out = document.querySelector('output')
const [ask, enter, held, leaving, me, confirmTotp, quiet] = ['ask', 'enter', 'held', 'leaving', 'me', 'confirm-totp', 'quiet'].map(byId)

// Controls, formats (bidirectional and zero-width), private use, unassigned; other line ends; what is invisible by default; odd spaces.
const unseen = /(?![\n\t])[\p{C}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?! )\p{Zs}/gu
const visible = (text) =>
  String(text).replaceAll(unseen, (character) => `⟨U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}⟩`)

const element = (name, text, ...children) => {
  const one = document.createElement(name)
  if (text !== null) one.textContent = text
  one.append(...children)
  return one
}

const say = (text, isBad = false) => {
  out.textContent = text
  out.className = isBad ? 'bad' : ''
}

async function call(path, body) {
  const options = body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const answer = await fetch(`/session/${path}`, options)
  const json = await answer.json()
  if (!answer.ok) throw Object.assign(new Error(`${json.error}. ${json.fix}`), { code: json.code })
  return json
}

/** What is shown is not what is so any more. */
const isOver = new Set(['NOT_SIGNED_IN', 'NOT_PENDING', 'HOLD_EXPIRED', 'CONTENT_CHANGED'])

/** What goes wrong is said, and nothing else happens. */
const tried = (work) => async (event) => {
  event?.preventDefault()
  say('')
  try {
    await work(event)
  } catch (error) {
    say(error.message, true)
    if (error.code === 'TOTP_NEEDED') byId('totp-field').hidden = false
    if (isOver.has(error.code)) await show()
    // Signing in again ends the session that was.
    if (error.code === 'FRESH_SIGN_IN_NEEDED') for (const part of [ask, enter]) part.hidden = false
  }
}

const addresses = (name, list) => [element('dt', name), element('dd', list.length === 0 ? '(none)' : list.map(visible).join(', '))]

/** Word by word, what it did not say before. */
async function differences(email) {
  const { differences: told } = await call(`review/${email.id}`)
  if (told === null) return [element('p', 'It says what it said from the beginning.')]
  const shown = (parts) =>
    parts === null
      ? element('p', 'Too much differs to be shown word by word.')
      : element('pre', null, ...parts.map(({ kind, text }) => element({ same: 'span', added: 'ins', removed: 'del' }[kind], visible(text))))
  const from =
    told.from === 'agent_version' ? 'What its agent wrote, and what it says now:' : `What ${told.email_id} said, and what this says:`
  return [element('p', from), shown(told.subject), shown(told.text)]
}

/** A form for its words, in the place of its buttons. Nothing is sent by it. */
function editor(email, done) {
  const subject = element('input', null)
  const text = element('textarea', null)
  subject.value = email.subject
  subject.setAttribute('aria-label', 'Subject')
  subject.maxLength = 998
  text.value = email.body_markdown
  text.rows = 12
  text.setAttribute('aria-label', 'Text, in Markdown')
  const [save, leave] = [element('button', 'Compose it anew, and look at it'), element('button', 'Leave it as it is')]
  leave.type = 'button'
  leave.addEventListener('click', done)
  const form = element('form', null, subject, text, save, leave)
  form.addEventListener(
    'submit',
    tried(async () => {
      const input = { email_id: email.id, content_hash: email.content_hash, subject: subject.value, markdown: text.value }
      const edited = await call('edit', input)
      await show()
      say(edited.message)
    }),
  )
  return form
}

function card(email) {
  const reason = element('textarea', '')
  reason.rows = 2
  reason.maxLength = 2000
  reason.setAttribute('aria-label', 'Why not, in your words; the agent is told')
  reason.placeholder = 'Why not, in your words (this or a choice is needed for a no; the agent is told)'
  const code = element('select', null, element('option', 'Why not: choose'), byId('codes').content.cloneNode(true))
  code.options[0].value = ''
  code.setAttribute('aria-label', 'Why not, as one of a few words')
  const decide = (action) =>
    tried(async () => {
      const input = { email_id: email.id, action, content_hash: email.content_hash }
      const said = reason.value.trim() !== '' && { reason: reason.value }
      const chosen = code.value !== '' && action !== 'approve' && { reason_code: code.value }
      const decided = await call('decide', { ...input, ...said, ...chosen })
      say(decided.message)
      await show()
      // Its card is gone, with what had the focus: whoever has no mouse goes on with what waits next.
      held.focus()
    })
  const button = (text, action) => {
    const one = element('button', text)
    one.addEventListener('click', decide(action))
    return one
  }
  const buttons = [button('Approve', 'approve'), button('Reject', 'reject')]
  const place = element('div', null)
  if (email.direction === 'outbound') {
    const change = element('button', 'Change its words')
    change.addEventListener('click', () => place.replaceChildren(editor(email, () => place.replaceChildren())))
    buttons.push(button('Ask for another version', 'redo'), change)
  }
  const renew = element('button', 'Ask me later')
  renew.hidden = email.renewals_left === 0
  renew.title = 'It waits longer, three days from now in most places; undecided by then, it still expires'
  renew.addEventListener(
    'click',
    tried(async () => {
      const { expires_at: until } = await call('renew', { email_id: email.id })
      say(`It waits until ${new Date(until).toLocaleString()}.`)
      await show()
    }),
  )
  const pause = element('button', 'Pause this agent')
  pause.className = 'bad'
  pause.addEventListener(
    'click',
    tried(async () => {
      const why = reason.value.trim().slice(0, 500)
      say((await call('pause', { email_id: email.id, ...(why !== '' && { reason: why }) })).message)
    }),
  )
  const files = email.attachments.map((file) =>
    element('dd', `${visible(file.name)} (${visible(file.content_type)}, ${file.size} bytes, SHA-256 ${file.sha256})`),
  )
  const facts = element(
    'dl',
    null,
    element('dt', email.direction === 'outbound' ? 'It would be sent from' : 'The agent would see it, from'),
    element('dd', visible(email.from)),
    ...addresses('To', email.to),
    ...addresses('Cc', email.cc),
    ...addresses('Bcc', email.bcc),
    element('dt', 'Held because'),
    element('dd', visible(email.reason)),
    element('dt', 'Expires, undecided'),
    element('dd', new Date(email.expires_at).toLocaleString()),
    element('dt', 'Attachments'),
    ...(files.length === 0 ? [element('dd', '(none)')] : files),
    element('dt', 'Content hash'),
    element('dd', email.content_hash),
  )
  if (email.approvals_needed > 1) {
    const words = `${email.approval_state}; each has signed in within 15 minutes`
    facts.prepend(element('dt', 'People who have to approve it'), element('dd', words))
  }
  const origins = [
    ['from_other_thread', 'words of another conversation'],
    ['from_hidden_text', 'words that a sender hid in an email'],
    ['from_attachment', 'words of an attachment'],
  ].flatMap(([fact, words]) => (email.evidence?.[fact] ? [words] : []))
  const found = [...email.findings.map((one) => [one.kind, one.where, one.excerpt ?? ''].join(': ')), ...origins]
  if (found.length > 0) facts.prepend(element('dt', 'Found in it'), ...found.map((one) => element('dd', visible(one))))
  if (email.edited_by.length > 0) facts.prepend(element('dt', 'Its words were changed by'), element('dd', email.edited_by.join(', ')))
  if (email.replaces) {
    const { kind, code: word, reason: said } = email.replaces.outcome ?? {}
    const before = [email.replaces.email_id, kind, word, said].filter(Boolean).join(': ')
    facts.prepend(element('dt', 'Another version of'), element('dd', visible(before)))
  }
  const texts = [element('pre', visible(email.body_markdown))]
  if (email.footer !== null) texts.push(element('p', 'Behind it this server puts:'), element('pre', visible(email.footer)))
  if (email.hidden_text) texts.push(element('p', 'Hidden in it:'), element('pre', visible(email.hidden_text)))
  const looks =
    email.direction === 'outbound'
      ? [opened('As it would be sent', () => asSent(email)), opened('What its agent had read', () => hadSeen(email))]
      : []
  if (email.edited_by.length > 0 || email.replaces) looks.unshift(opened('What differs from before', () => differences(email)))
  return element(
    'section',
    null,
    element('h2', visible(email.subject) || '(no subject)'),
    facts,
    ...texts,
    ...looks,
    code,
    ...allowing(email),
    reason,
    ...buttons,
    renew,
    pause,
    place,
  )
}

/** Allowing one of its recipients for a time. */
function allowing(email) {
  if (email.direction !== 'outbound') return []
  const [whom, days, allow] = [element('select', null), element('select', null), element('button', 'Allow')]
  whom.setAttribute('aria-label', 'Recipient')
  days.setAttribute('aria-label', 'For how long')
  whom.append(...[...new Set([...email.to, ...email.cc, ...email.bcc])].map((one) => new Option(visible(one), one)))
  days.append(...[1, 7, 30, 90].map((count) => new Option(count === 1 ? 'a day' : `${count} days`, count)))
  allow.addEventListener(
    'click',
    tried(async () => {
      // A minute less, for a clock that is ahead.
      const until = new Date(new Date().getTime() + days.value * 86_400_000 - 60_000).toISOString()
      const { address, until: end } = await call('allow', { email_id: email.id, recipient: whom.value, until })
      await showAllowed()
      say(`${visible(address)} is written to without asking until ${new Date(end).toLocaleString()}. This email still waits.`)
    }),
  )
  const words = 'Its mailbox may write to this recipient without asking, for a time. It decides nothing about this email.'
  return [element('details', null, element('summary', 'Allow a recipient for a time'), element('p', words), whom, ' ', days, ' ', allow)]
}

/** What is allowed now, each with a way to end it. */
async function showAllowed() {
  const { allowances } = await call('allowances')
  const rows = allowances.map(({ id, mailbox_id: mailboxId, mailbox, address, until }) => {
    const end = element('button', 'End it')
    end.addEventListener(
      'click',
      tried(async () => {
        await call('allowances/end', { mailbox_id: mailboxId, allowance_id: id })
        await showAllowed()
      }),
    )
    const words = `${visible(mailbox ?? mailboxId)} may write to ${visible(address)} until ${new Date(until).toLocaleString()} `
    return element('li', words, end)
  })
  byId('allowed').replaceChildren(...rows)
  byId('allowed-part').hidden = rows.length === 0
}

/** What is fetched when somebody opens it: each look is on the record, so none is made unasked. */
function opened(title, load) {
  const inside = element('div', null)
  const details = element('details', null, element('summary', title), inside)
  details.addEventListener(
    'toggle',
    tried(async () => {
      if (details.open && inside.childElementCount === 0) inside.replaceChildren(...(await load()))
    }),
  )
  return details
}

async function asSent(email) {
  const { is_unchanged: isUnchanged, as_sent: sent } = await call(`review/${email.id}`)
  if (sent === null) return [element('p', 'There is nothing to show: it arrived, or its bytes are lost.')]
  const recipients = sent.recipients.map(({ address, field, is_automatic: isAutomatic }) =>
    element('dd', `${visible(address)} (${field ?? 'nowhere named'}${isAutomatic ? ', added by the mailbox' : ''})`),
  )
  const links = sent.links.map(({ url, text, says_otherwise: isOther }) =>
    element('dd', `${isOther ? 'LOOKS LIKE ANOTHER: ' : ''}${visible(text)} → ${visible(url)}`),
  )
  return [
    element('p', isUnchanged ? 'These are the bytes that would be sent.' : 'What is stored is NOT what was held: do not approve it.'),
    element('dl', null, element('dt', 'Everybody who gets it'), ...recipients, element('dt', 'Links'), ...links),
    element('pre', sent.headers.map(({ name, value }) => `${visible(name)}: ${visible(value)}`).join('\n')),
    element('pre', visible(sent.text.content)),
    element('p', 'As HTML:'),
    element('pre', visible(sent.html.content)),
    ...(sent.is_cut ? [element('p', 'There is more than is shown here.')] : []),
  ]
}

async function hadSeen(email) {
  const { views, since, cursor } = await call(`seen/${email.id}?with_views=true`)
  const before =
    since === null ? 'Everything that its key was shown' : `What its key was shown since ${new Date(since.at).toLocaleString()}`
  const each = views.map(({ given_at: at, action, state, view }) =>
    element(
      'li',
      `${new Date(at).toLocaleString()}: ${visible(action)}, ${state}`,
      ...(view === null ? [] : [element('pre', visible(view))]),
    ),
  )
  return [element('p', `${before}, newest first${cursor === null ? '' : '; there is more'}:`), element('ul', null, ...each)]
}

/** What was approved and does not leave for some seconds. */
async function showLeaving() {
  const { emails } = await call('undoable')
  leaving.hidden = emails.length === 0
  const rows = emails.map(({ id, to, subject, undo_until }) => {
    const undo = element('button', 'Take the approval back')
    undo.addEventListener(
      'click',
      tried(async () => {
        say((await call('undo', { email_id: id })).message)
        await show()
      }),
    )
    const until = new Date(undo_until).toLocaleTimeString()
    return element(
      'p',
      `${visible(subject) || '(no subject)'}, to ${to.length === 0 ? '(Bcc only)' : to.map(visible).join(', ')}: leaves at ${until}. `,
      undo,
    )
  })
  leaving.replaceChildren(element('h2', 'Approved, and not gone yet'), ...rows)
  clearTimeout(leavingTimer)
  // Once, when the first of them has left.
  const next = Math.min(...emails.map((email) => email.seconds_left)) + 1
  if (emails.length > 0) leavingTimer = setTimeout(() => void showLeaving().catch(() => {}), next * 1000)
}
let leavingTimer

function passkeyRow({ id, name }) {
  const remove = element('button', 'Remove')
  remove.addEventListener(
    'click',
    tried(async () => {
      await call('passkeys/remove', { id })
      await show()
    }),
  )
  return element('li', `Passkey ${visible(name)} `, remove)
}

async function show() {
  const { signed_in: isIn, has_passkeys: hasPasskeys, person } = await call('me')
  const canPasskey = hasPasskeys && globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON !== undefined
  for (const [part, isShown] of [
    [ask, !isIn],
    [enter, !isIn],
    [held, isIn],
    [me, isIn],
  ])
    part.hidden = !isShown
  byId('passkey').hidden = !canPasskey
  byId('add-passkey').hidden = !canPasskey
  confirmTotp.hidden = true
  if (!isIn) {
    byId('allowed-part').hidden = true
    leaving.hidden = true
    return held.replaceChildren()
  }
  byId('who').textContent = `${visible(person.name)} (${person.role}), ${visible(person.address)}`
  byId('passkeys').replaceChildren(...person.passkeys.map(passkeyRow))
  const hours = person.quiet_hours ?? { from: '22:00', to: '07:00', time_zone: Intl.DateTimeFormat().resolvedOptions().timeZone }
  for (const [field, value] of Object.entries({ from: hours.from, to: hours.to, zone: hours.time_zone }))
    quiet.elements[field].value = value
  byId('no-quiet').hidden = person.quiet_hours === null
  byId('add-totp').hidden = person.totp
  byId('remove-totp').hidden = !person.totp
  await showAllowed()
  await showLeaving()
  const { emails, cursor } = await call('pending')
  const rest = cursor === null ? [] : [element('p', 'There are more; they come up as you decide on these.')]
  held.replaceChildren(...(emails.length === 0 ? [element('p', 'Nothing waits for a decision.')] : emails.map(card)), ...rest)
}

ask.addEventListener(
  'submit',
  tried(async () => {
    await call('code', { address: ask.elements.address.value })
    say('Look into your mail.')
    enter.elements.code.focus()
  }),
)
enter.addEventListener(
  'submit',
  tried(async () => {
    const totp = enter.elements.totp.value
    await call('enter', { code: enter.elements.code.value, ...(totp !== '' && { totp }) })
    enter.reset()
    await show()
  }),
)
byId('passkey').addEventListener(
  'click',
  tried(async () => {
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(await call('passkey/options', {}))
    const credential = await navigator.credentials.get({ publicKey })
    await call('passkey/enter', { response: credential.toJSON() })
    await show()
  }),
)
byId('add-passkey').addEventListener(
  'click',
  tried(async () => {
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(await call('passkeys/options', {}))
    const credential = await navigator.credentials.create({ publicKey })
    await call('passkeys', { name: `of ${new Date().toLocaleDateString()}`, response: credential.toJSON() })
    await show()
  }),
)
byId('add-totp').addEventListener(
  'click',
  tried(async () => {
    byId('totp-secret').textContent = (await call('totp', {})).secret
    confirmTotp.hidden = false
  }),
)
confirmTotp.addEventListener(
  'submit',
  tried(async () => {
    await call('totp/confirm', { code: confirmTotp.elements.code.value })
    confirmTotp.reset()
    await show()
  }),
)
byId('remove-totp').addEventListener(
  'click',
  tried(async () => {
    await call('totp/remove', {})
    await show()
  }),
)
quiet.addEventListener(
  'submit',
  tried(async () => {
    const { from, to, zone } = quiet.elements
    await call('quiet-hours', { quiet: { time_zone: zone.value, from: from.value, to: to.value } })
    await show()
    say(`No letters from ${from.value} to ${to.value}.`)
  }),
)
byId('no-quiet').addEventListener(
  'click',
  tried(async () => {
    await call('quiet-hours', { quiet: null })
    await show()
    say('Letters at any time.')
  }),
)
for (const [id, everywhere] of [
  ['end', false],
  ['end-all', true],
])
  byId(id).addEventListener(
    'click',
    tried(async () => {
      await call('end', { everywhere })
      await show()
    }),
  )

await tried(show)()
