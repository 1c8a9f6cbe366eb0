/** What changes who may do what here, so that the operator has to agree first (contract §4.5). `words` complete "wants to …". */
export const adminActions = {
  create_mailbox: { words: 'create a mailbox' },
  create_api_key: { words: 'create an API key' },
  rotate_api_key: { words: 'replace the secret of an API key' },
  rotate_oversight_key: { words: 'get the secret of an API key that decides on mail' },
  revoke_api_key: { words: 'revoke an API key' },
  create_oversight_key: { words: 'create an API key that decides on mail' },
  add_oversight_scope: { words: 'let an API key decide on mail' },
  change_oversight_key: { words: 'change an API key that decides on mail' },
  add_scopes: { words: 'let an API key do more than before' },
  create_webhook: { words: 'send events to a web address' },
  move_webhook: { words: 'send events to another web address' },
  add_allowlist_entry: { words: 'let mail to these addresses leave without approval' },
  remove_allowlist_entry: { words: 'remove an entry of the allow-list' },
  change_copies: { words: 'send copies of mail, or word of it, to other addresses' },
  cancel_subscription: { words: 'cancel the subscription' },
  change_oversight_email: { words: 'change the address at which you are asked' },
  delete_account: { words: 'delete the account with all its mail' },
} as const satisfies Record<string, { words: string }>
export type AdminAction = keyof typeof adminActions
