/** When a recipient is to be suppressed (RFC 5321 knows no such thing; the numbers are the field's). */
export type Suppression = 'never' | 'at-once' | 'second-in-30-days' | 'third-over-7-days'

/** Who can do something about it. */
export type Blame = 'nobody' | 'recipient' | 'sender-config' | 'reputation' | 'content' | 'remote' | 'us'

type Meaning = { blame: Blame; suppress: Suppression; remedy: string }

/** What each class of failure means, and what a person or an agent can do. */
export const meanings = {
  delivered: { blame: 'nobody', suppress: 'never', remedy: '' },
  recipient: { blame: 'recipient', suppress: 'at-once', remedy: 'No such mailbox. Check the address; do not send to it again.' },
  domain: {
    blame: 'recipient',
    suppress: 'at-once',
    remedy: 'The domain takes no mail. Check its spelling; it can be tried again after some days.',
  },
  inactive: {
    blame: 'recipient',
    suppress: 'second-in-30-days',
    remedy: 'The mailbox is disabled or has moved. Ask the recipient for another address.',
  },
  'mailbox-full': {
    blame: 'recipient',
    suppress: 'third-over-7-days',
    remedy: 'The mailbox is full. We keep trying; reach the recipient another way if it is urgent.',
  },
  suppressed: {
    blame: 'recipient',
    suppress: 'never',
    remedy: 'The address is on the suppression list, so nothing was sent. Do not write to it again unless an administrator takes it off.',
  },
  busy: {
    blame: 'recipient',
    suppress: 'never',
    remedy: 'The mailbox gets more mail at the moment than its provider lets in. We keep trying.',
  },
  restricted: {
    blame: 'recipient',
    suppress: 'never',
    remedy: 'The recipient, or their organisation, takes no mail from this sender. Ask them, another way, to allow it.',
  },
  'too-large': {
    blame: 'content',
    suppress: 'never',
    remedy: 'The message is larger than the recipient’s server takes. Send less, or a link.',
  },
  greylisted: { blame: 'remote', suppress: 'never', remedy: 'The server asks unknown senders to come back in some minutes. We do.' },
  'rate-limited': { blame: 'reputation', suppress: 'never', remedy: 'The provider slows us down. Send less to it for some hours.' },
  blocklisted: {
    blame: 'reputation',
    suppress: 'never',
    remedy: 'Our address is on a block list or has a poor reputation. The operator should ask for delisting; the reply names where.',
  },
  ptr: {
    blame: 'sender-config',
    suppress: 'never',
    remedy: 'The sending address needs a PTR record that matches the host name. The operator sets it at the hosting provider.',
  },
  authentication: {
    blame: 'sender-config',
    suppress: 'never',
    remedy: 'The provider wants SPF, DKIM and DMARC to pass. The operator should check the domain’s DNS records.',
  },
  sender: {
    blame: 'sender-config',
    suppress: 'never',
    remedy: 'The remote refuses the sender’s address. The operator should check that the domain has MX or address records.',
  },
  content: {
    blame: 'content',
    suppress: 'never',
    remedy: 'The server refuses what the message says or links to. Change it rather than send it again.',
  },
  smarthost: {
    blame: 'sender-config',
    suppress: 'never',
    remedy:
      'The server wants a login, or refuses ours. The operator should check name, password and rights at the smarthost. We keep trying.',
  },
  relay: {
    blame: 'remote',
    suppress: 'never',
    remedy: 'The server says that it takes no mail for this domain. Its MX record is wrong, or the smarthost does not know us.',
  },
  unsupported: { blame: 'remote', suppress: 'never', remedy: 'The recipient’s server cannot take this kind of message or address.' },
  loop: { blame: 'remote', suppress: 'never', remedy: 'Mail for this domain goes round in circles. Its operator has to mend that.' },
  protocol: { blame: 'us', suppress: 'never', remedy: 'The two servers misunderstood each other. Please report this reply as a bug.' },
  'tls-policy': { blame: 'remote', suppress: 'never', remedy: 'The server wants encryption that could not be agreed on. We keep trying.' },
  network: { blame: 'remote', suppress: 'never', remedy: 'The recipient’s server could not be reached or did not answer. We keep trying.' },
  temporary: { blame: 'remote', suppress: 'never', remedy: 'The recipient’s server has a temporary problem. We keep trying.' },
  refused: {
    blame: 'remote',
    suppress: 'never',
    remedy: 'The recipient’s server refuses the message for a reason of its own; its reply may say which.',
  },
  signing: {
    blame: 'us',
    suppress: 'never',
    remedy: 'The From domain has no DKIM key to sign with, so nothing is sent. The operator should add the domain, then it goes.',
  },
  integrity: {
    blame: 'us',
    suppress: 'never',
    remedy: 'What is stored is not what was released, so it was not sent. The operator should find out who changed the store.',
  },
  paced: {
    blame: 'nobody',
    suppress: 'never',
    remedy: 'The recipient’s server takes only so much from us at a time. The message waits for its turn.',
  },
  interrupted: {
    blame: 'us',
    suppress: 'never',
    remedy: 'The attempt was broken off, or this server ended during it. It is tried again unless its time is over.',
  },
  internal: { blame: 'us', suppress: 'never', remedy: 'Something went wrong in this server; its log says what. It is tried again.' },
} as const satisfies Record<string, Meaning>

export type BounceClass = keyof typeof meanings

/** `bounceType` in the contract's words: hard is permanent, soft is what was temporary until time ran out; null when it did not fail. */
export type Verdict = Meaning & { class: BounceClass; outcome: 'delivered' | 'retry' | 'fail'; bounceType: 'hard' | 'soft' | null }

/** Puts a class and what is to be done together. */
export const verdict = (name: BounceClass, outcome: Verdict['outcome']): Verdict => ({
  ...meanings[name],
  class: name,
  outcome,
  bounceType: outcome === 'delivered' ? null : outcome === 'fail' ? 'hard' : 'soft',
})
