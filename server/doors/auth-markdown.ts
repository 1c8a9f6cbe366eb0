/** /auth.md: how an agent comes by a key, in words for a model. @param kind who signs up on this server */
export function authMarkdown(publicUrl: string, kind: 'off' | 'people' | 'agents'): string {
  const base = publicUrl.replace(/\/+$/, '')
  return [
    intro(base),
    kind === 'off' ? askOperator : kind === 'people' ? signUp(base) : `${register(base)}\n\n${signUp(base)}`,
    after(base),
  ].join('\n\n')
}

const intro = (base: string): string => `# How to get a key for MultiMail at ${base}

Every call shows an API key: the header \`Authorization: Bearer KEY\`, or \`X-API-Key: KEY\`. There are no OAuth tokens and no logins here.`

const askOperator = `## Ask a person

Nobody signs up on this server. The person who runs it makes keys on the host with \`multimail keys create\`, and decides what each may do.`

const register = (base: string): string => `## Register yourself

You need the email address of the person who will have the last word over what you send. Ask them before you name them.

1. \`POST ${base}/agent/auth\` with

\`\`\`json
{"type": "identity_assertion", "assertion_type": "verified_email", "assertion": {"email": "PERSON@EXAMPLE.ORG"}, "requested_credential_type": "api_key", "operator_name": "THEIR NAME"}
\`\`\`

   The answer has a \`claim_token\`. Keep it to yourself.
2. The person gets a letter with six digits for you. Ask them for these digits, and for nothing else in that letter: the other code is theirs.
3. \`POST ${base}/agent/auth/claim/complete\` with \`{"claim_token": "…", "otp": "123456"}\`. The answer has your key as \`credential\`, once.

After five wrong codes, or a day, begin again. The answer to step 1 is the same whether the address has an account already or not; if it has, the letter
says so, and that person can give you a key.`

const signUp = (base: string): string => `## Or have an account made

1. \`POST ${base}/v1/account/challenge\` with \`{"oversight_email": "PERSON@EXAMPLE.ORG"}\`. Find the number from 0 to \`maxnumber\` for which SHA-256 over the salt
   followed by the number, in hex, is the \`challenge\`.
2. \`POST ${base}/v1/account\` with it; ${base}/openapi.json has the fields.
3. The person gets a letter with a code for you. \`POST ${base}/v1/confirm\` with \`{"code": "…"}\` answers with your key, once.`

const after = (base: string): string => `## What the key is for

A key that an agent gets reads and writes mail; it never approves any. In a gated mailbox, which is what new accounts have, \`send_email\` and \`reply_email\` answer
"pending_send_approval" and a person decides: do not send again, \`wait_for_decision\` answers when they do. No key lets its holder both write and approve mail.

The routes are at ${base}/openapi.json, MCP is at ${base}/mcp, and ${base}/setup_multimail says what to call first.`
