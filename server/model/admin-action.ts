/** What changes who may do what here, so that the operator has to agree first (contract §4.5). `words` complete "wants to …". `medium`: one code at the
 *  beginning of an operator session is enough (contract §4.6); `high`: always asks for a code of its own, because it decides who decides, lets mail leave
 *  that nobody looks at, or cannot be put back. */
export const adminActions = {
  create_mailbox: { words: 'create a mailbox', tier: 'medium' },
  create_api_key: { words: 'create an API key', tier: 'medium' },
  rotate_api_key: { words: 'replace the secret of an API key', tier: 'medium' },
  rotate_oversight_key: { words: 'get the secret of an API key that decides on mail', tier: 'high' },
  revoke_api_key: { words: 'revoke an API key', tier: 'medium' },
  revoke_oversight_key: { words: 'revoke an API key that decides on mail', tier: 'high' },
  create_oversight_key: { words: 'create an API key that decides on mail', tier: 'high' },
  add_oversight_scope: { words: 'let an API key decide on mail', tier: 'high' },
  change_oversight_key: { words: 'change an API key that decides on mail', tier: 'high' },
  add_scopes: { words: 'let an API key do more than before', tier: 'medium' },
  create_webhook: { words: 'send events to a web address', tier: 'medium' },
  widen_webhook: { words: 'tell a web address of more events', tier: 'medium' },
  move_webhook: { words: 'send events to another web address', tier: 'medium' },
  add_allowlist_entry: { words: 'let mail to these addresses leave without approval', tier: 'high' },
  allow_recipient: { words: 'let mail to this address leave without approval for a time', tier: 'high' },
  loosen_policy: { words: 'let mail leave that the policy of a mailbox would hold or refuse', tier: 'high' },
  loosen_oversight: { words: 'change how a mailbox and its reviewers are watched', tier: 'high' },
  time_reviews: { words: 'begin or end to note how long people look at what they decide on', tier: 'high' },
  remove_allowlist_entry: { words: 'remove an entry of the allow-list', tier: 'medium' },
  change_copies: { words: 'send copies of mail, or word of it, to other addresses', tier: 'medium' },
  cancel_subscription: { words: 'cancel the subscription', tier: 'medium' },
  change_oversight_email: { words: 'change the address at which you are asked', tier: 'high' },
  delete_account: { words: 'delete the account with all its mail', tier: 'high' },
} as const satisfies Record<string, { words: string; tier: 'medium' | 'high' }>
export type AdminAction = keyof typeof adminActions
