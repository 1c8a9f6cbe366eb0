import type { Command } from './command.ts'

/** Every command, in the order of the help. Each is loaded when it is called, so that `health` does not pay for `serve`. */
export const commands = {
  serve: { summary: 'run the server', load: async () => (await import('./serve.ts')).serve },
  setup: {
    summary: 'make a domain, a mailbox, an agent key and a reviewer key; print the DNS records',
    load: async () => (await import('./setup.ts')).setup,
  },
  config: { summary: 'print the settings in force, and where each came from', load: async () => (await import('./config.ts')).config },
  dns: { summary: 'print the DNS records to publish', load: async () => (await import('./dns.ts')).dns },
  'dns check': { summary: 'compare the published DNS records with those', load: async () => (await import('./dns-check.ts')).dnsCheck },
  'dkim list': { summary: 'list the keys that mail is signed with', load: async () => (await import('./dkim.ts')).dkimList },
  'dkim rotate': { summary: 'replace them', load: async () => (await import('./dkim.ts')).dkimRotate },
  'keys list': { summary: 'list the API keys', load: async () => (await import('./keys-list.ts')).keysList },
  'keys create': { summary: 'issue an API key', load: async () => (await import('./keys-create.ts')).keysCreate },
  'keys revoke': { summary: 'make an API key worthless, at once', load: async () => (await import('./keys-revoke.ts')).keysRevoke },
  'people list': { summary: 'list who signs in to decide on mail', load: async () => (await import('./people.ts')).peopleList },
  'people add': { summary: 'add somebody', load: async () => (await import('./people.ts')).peopleAdd },
  'people role': { summary: 'say what somebody is for', load: async () => (await import('./people.ts')).peopleRole },
  'people remove': { summary: 'remove somebody', load: async () => (await import('./people.ts')).peopleRemove },
  'people turns': { summary: 'say who is told after whom', load: async () => (await import('./people-told.ts')).peopleTurns },
  'people quiet': { summary: 'say when somebody wants no letters', load: async () => (await import('./people-told.ts')).peopleQuiet },
  'people recover': {
    summary: 'let somebody in again who has lost what they sign in with',
    load: async () => (await import('./people.ts')).peopleRecover,
  },
  'domains list': { summary: 'list the domains whose mail comes here', load: async () => (await import('./domains.ts')).domainsList },
  'domains catch-all': {
    summary: 'say which mailbox takes what nobody else at a domain does',
    load: async () => (await import('./domains.ts')).domainsCatchAll,
  },
  'domains release': {
    summary: 'take away a claim of a domain that was never proved',
    load: async () => (await import('./domains.ts')).domainsRelease,
  },
  'account delete': {
    summary: 'delete an account with all that is in it',
    load: async () => (await import('./account-delete.ts')).accountDelete,
  },
  'issues list': { summary: 'list what callers reported', load: async () => (await import('./issues.ts')).issuesList },
  'mailboxes list': { summary: 'list the mailboxes', load: async () => (await import('./mailboxes.ts')).mailboxesList },
  'mailboxes opens': {
    summary: 'say whether mail of a mailbox tells when it is opened',
    load: async () => (await import('./mailboxes-opens.ts')).mailboxesOpens,
  },
  'mailboxes notices': {
    summary: 'say whether a mailbox is told by mail when its mail is late or fails',
    load: async () => (await import('./mailboxes-opens.ts')).mailboxesNotices,
  },
  'mailboxes lift': {
    summary: 'let a mailbox send again whose mail bounced or drew complaints',
    load: async () => (await import('./mailboxes-lift.ts')).mailboxesLift,
  },
  'mailboxes suspend': { summary: 'close a mailbox for a time', load: async () => (await import('./mailboxes.ts')).mailboxesSuspend },
  'mailboxes resume': { summary: 'open it again', load: async () => (await import('./mailboxes.ts')).mailboxesResume },
  'mailboxes delete': { summary: 'close a mailbox for good', load: async () => (await import('./mailboxes.ts')).mailboxesDelete },
  'mailboxes limit': {
    summary: 'say how much a mailbox may send',
    load: async () => (await import('./mailboxes-limit.ts')).mailboxesLimit,
  },
  'policies show': {
    summary: 'show the rules about what may leave a mailbox',
    load: async () => (await import('./policies.ts')).policiesShow,
  },
  'policies preview': {
    summary: 'say what rules would have done to what it handed in lately',
    load: async () => (await import('./policies.ts')).policiesPreview,
  },
  'relay pace': {
    summary: 'show which mail servers are left alone for now, and why',
    load: async () => (await import('./relay-pace.ts')).relayPace,
  },
  'aliases list': { summary: 'list the aliases', load: async () => (await import('./aliases.ts')).aliasesList },
  'aliases add': { summary: 'give a mailbox one more address', load: async () => (await import('./aliases.ts')).aliasesAdd },
  'aliases remove': { summary: 'take it away', load: async () => (await import('./aliases.ts')).aliasesRemove },
  'operator email': {
    summary: 'say where the operator is asked before an admin key changes who may do what',
    load: async () => (await import('./operator-email.ts')).operatorEmail,
  },
  'operator sessions': {
    summary: 'list the sessions in which an operator is not asked for each admin action, or end them',
    load: async () => (await import('./operator-sessions.ts')).operatorSessions,
  },
  actions: {
    summary: 'list what admin keys want and the operator has to agree to',
    load: async () => (await import('./actions.ts')).actions,
  },
  pending: { summary: 'list the emails that wait for a decision', load: async () => (await import('./pending.ts')).pending },
  show: { summary: 'show one of them whole', load: async () => (await import('./show.ts')).show },
  approve: { summary: 'let it leave (or in), or let an action be done', load: async () => (await import('./decide.ts')).approve },
  reject: { summary: 'refuse it', load: async () => (await import('./decide.ts')).reject },
  undo: { summary: 'take an approval back, before it leaves', load: async () => (await import('./undo.ts')).undo },
  renew: { summary: 'give it more time', load: async () => (await import('./renew.ts')).renew },
  redo: { summary: 'refuse it and ask for another version', load: async () => (await import('./decide.ts')).redo },
  reports: {
    summary: 'list what other mail systems reported about your domains',
    load: async () => (await import('./reports.ts')).reportsList,
  },
  'reports show': { summary: 'show one of these reports', load: async () => (await import('./reports.ts')).reportsShow },
  'reports dmarc': {
    summary: 'add up who sent in your name, and what passed',
    load: async () => (await import('./reports.ts')).reportsDmarc,
  },
  'reports tls': { summary: 'add up whether mail to you could be encrypted', load: async () => (await import('./reports.ts')).reportsTls },
  alarms: {
    summary: 'list what is wrong with this server, or what others say is, and what to do',
    load: async () => (await import('./alarms.ts')).alarms,
  },
  'relay status': { summary: 'say whether mail leaves, and what is stopped', load: async () => (await import('./relay.ts')).relayStatus },
  'relay stop': { summary: 'stop all leaving mail within a second', load: async () => (await import('./relay.ts')).relayStop },
  'relay pause': { summary: 'stop the mail of a mailbox or to a domain', load: async () => (await import('./relay.ts')).relayPause },
  'relay resume': { summary: 'let it leave again', load: async () => (await import('./relay.ts')).relayResume },
  'relay queue': { summary: 'list the deliveries that wait', load: async () => (await import('./relay.ts')).relayQueue },
  'relay retry': { summary: 'try one of them now', load: async () => (await import('./relay.ts')).relayRetry },
  'relay cancel': { summary: 'take one of them back', load: async () => (await import('./relay.ts')).relayCancel },
  'suppression list': {
    summary: 'list the addresses that get no mail',
    load: async () => (await import('./suppression.ts')).suppressionList,
  },
  'suppression add': { summary: 'stop mail to an address', load: async () => (await import('./suppression.ts')).suppressionAdd },
  'suppression remove': { summary: 'allow it again', load: async () => (await import('./suppression.ts')).suppressionRemove },
  'audit verify': {
    summary: 'check that no entry of the log was changed, removed or put in',
    load: async () => (await import('./audit-verify.ts')).auditVerify,
  },
  'audit export': {
    summary: 'write the log into a file that can be checked anywhere',
    load: async () => (await import('./audit.ts')).auditExport,
  },
  'audit checkpoint': { summary: 'sign the log as it is now', load: async () => (await import('./audit.ts')).auditCheckpoint },
  'receipt verify': {
    summary: 'check the receipt of a sent mail, without any server',
    load: async () => (await import('./receipt-verify.ts')).receiptVerify,
  },
  'audit key': { summary: 'print the key with which the log is signed', load: async () => (await import('./audit.ts')).auditKey },
  health: { summary: 'ask the running server whether it is well', load: async () => (await import('./health.ts')).health },
  mcp: { summary: 'speak MCP on standard input and output, for the running server', load: async () => (await import('./mcp.ts')).mcp },
} satisfies Record<string, { summary: string; load(): Promise<Command> }>

export type CommandName = keyof typeof commands
export const isCommandName = (text: string): text is CommandName => Object.hasOwn(commands, text)
