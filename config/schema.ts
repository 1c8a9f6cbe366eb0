/**
 * Everything an operator may set: one entry per setting, with its name, unit, default and help. Nothing else in the house knows
 * these names. `config/load.ts` reads them; `docs/settings.md` is generated from here.
 */
import { z } from 'zod'
import type { DomainName } from '../dns/name.ts'
import {
  type HostAndPort,
  addresses,
  adminApproval,
  anyText,
  blocklists,
  count,
  databaseUrl,
  dkimAlgorithms,
  domainName,
  domainNames,
  dnsServers,
  duration,
  durations,
  filePath,
  hostName,
  limitsInForce,
  listenAddress,
  listenPort,
  logLevel,
  metricsToken,
  networks,
  remotePort,
  signUp,
  size,
  socketPlace,
  sourceAddresses,
  warmUpDays,
  webAddress,
  yesOrNo,
} from './values.ts'
import { type DomainRoute, type Smarthost, domainRoutes, loginsFile, relayPlace, smarthostAt } from './smarthosts.ts'

/** Server mode is for real mail; local mode is loopback only, and its mail goes to a receiving server of its own. */
export type Mode = 'local' | 'server'

/** `standard`: the default as a person would write it; null when there is none. `only`: the mode in which the setting has a meaning. */
export type Facts = { part: string; unit: string; standard: string | null; help: string; secret?: true; only?: Mode }

export const factsOf = z.registry<Facts>()

type Reader<T> = z.ZodType<T, string>
function setting<T>(type: Reader<T>, facts: Facts & { standard: string }): z.ZodType<T>
function setting<T>(type: Reader<T>, facts: Facts & { standard: null }): z.ZodType<T | null>
function setting<T>(type: Reader<T>, facts: Facts): z.ZodType<T | null> {
  const field = facts.standard === null ? type.nullable().prefault(null) : type.prefault(facts.standard)
  return field.register(factsOf, facts)
}

export const settings = z.object({
  MULTIMAIL_HOSTNAME: setting(hostName, {
    part: 'The server',
    unit: 'host name',
    standard: null,
    help: 'The name this server has in the DNS: it greets with it, and MX records point to it. Setting it turns server mode on. Without it the server runs in local mode: it listens on the loopback interface only, and no mail leaves the machine.',
  }),
  MULTIMAIL_DATA_DIR: setting(filePath, {
    part: 'The server',
    unit: 'path',
    standard: './data',
    help: 'The folder for the database and large messages. Back it up.',
  }),
  DATABASE_URL: setting(databaseUrl, {
    part: 'The server',
    unit: 'address',
    standard: null,
    secret: true,
    help: 'A PostgreSQL database to use. Without it the server keeps a SQLite database in the data folder.',
  }),
  MULTIMAIL_LOG_LEVEL: setting(logLevel, {
    part: 'The server',
    unit: 'debug, info, warn or error',
    standard: 'info',
    help: 'The least important events to log.',
  }),
  MULTIMAIL_SMTP_HOST: setting(listenAddress, {
    part: 'Arriving mail',
    unit: 'IP address',
    standard: '127.0.0.1',
    help: 'The address to listen on for mail. To be reached from outside it has to be 0.0.0.0 (or ::), as it is in the container image.',
  }),
  MULTIMAIL_SMTP_PORT: setting(listenPort, {
    part: 'Arriving mail',
    unit: 'port',
    standard: '2525',
    help: 'The port to listen on for mail. Other mail servers only ever connect to port 25, which the container image uses.',
  }),
  MULTIMAIL_SMTP_MAX_MESSAGE: setting(size('64KiB', '150MiB'), {
    part: 'Arriving mail',
    unit: 'size',
    standard: '35MiB',
    help: 'The largest message to accept, as it travels: 35MiB leaves room for attachments of about 25 MB.',
  }),
  MULTIMAIL_SMTP_MAX_RECIPIENTS: setting(count(100, 1000), {
    part: 'Arriving mail',
    unit: 'recipients',
    standard: '100',
    help: 'The most recipients of one arriving message. RFC 5321 asks for at least 100.',
  }),
  MULTIMAIL_SENDER_RATE: setting(count(0, 100_000), {
    part: 'Arriving mail',
    unit: 'messages an hour',
    standard: '25',
    only: 'server',
    help: 'How many messages an hour one sender may send to one mailbox when nothing proves who it is; more are asked to come later. A sender whose domain is proved may send forty times as many. 0 for no limit.',
  }),
  MULTIMAIL_TRUSTED_SEALERS: setting(domainNames, {
    part: 'Arriving mail',
    unit: 'domains',
    standard: null,
    help: 'Forwarders that you trust, by the domains with which they seal (ARC), separated by commas. What they say was authentic when it reached them is let in although its proof broke on the way.',
  }),
  MULTIMAIL_SMTP_MAX_CONNECTIONS: setting(count(10, 20_000), {
    part: 'Arriving mail',
    unit: 'connections',
    standard: '1000',
    help: 'The most connections for arriving mail at one time. Above 80 % of it the server is short with everybody; at all of it, who has been silent the longest makes room.',
  }),
  MULTIMAIL_SMTP_LIMITS: setting(limitsInForce, {
    part: 'Arriving mail',
    unit: 'on, monitor or off',
    standard: 'on',
    help: 'Whether one network may have only so many connections and send only so much in a minute, and is kept out for a while after much misconduct. With monitor nobody is refused, and metrics and log say who would have been.',
  }),
  MULTIMAIL_SMTP_UNLIMITED: setting(networks, {
    part: 'Arriving mail',
    unit: 'networks',
    standard: null,
    help: 'Networks to which those limits do not apply, such as that of a relay of your own. It is not a list of who is trusted: what they send is judged like any mail.',
  }),
  MULTIMAIL_SMTP_PROXY: setting(addresses, {
    part: 'Arriving mail',
    unit: 'IP addresses',
    standard: null,
    help: 'The proxies that stand in front and say who really connects, with a header of the PROXY protocol, version 1 or 2. From these addresses the header is required; from everywhere else it is not understood. Without it: nobody is believed.',
  }),
  MULTIMAIL_TLS_CERT_FILE: setting(filePath, {
    part: 'Arriving mail',
    unit: 'path',
    standard: null,
    help: 'The certificate (PEM, with its chain) to offer to mail servers that connect. Without it the server makes a self-signed one, which other mail servers usually accept.',
  }),
  MULTIMAIL_TLS_KEY_FILE: setting(filePath, {
    part: 'Arriving mail',
    unit: 'path',
    standard: null,
    help: 'The private key (PEM) of that certificate.',
  }),
  MULTIMAIL_CLAMD: setting(socketPlace, {
    part: 'Arriving mail',
    unit: 'path or host:port',
    standard: null,
    help: 'The socket of a ClamAV daemon that looks at each message. What it calls malware is refused; while it does not answer, all mail is (for the moment: senders try again). Let its StreamMaxLength be at least the largest message.',
  }),
  MULTIMAIL_RSPAMD_URL: setting(webAddress, {
    part: 'Arriving mail',
    unit: 'address',
    standard: null,
    help: 'An rspamd to ask about each message, such as http://127.0.0.1:11333. What it says counts towards the spam score; while it does not answer, mail is judged without it.',
  }),
  MULTIMAIL_HTTP_HOST: setting(listenAddress, {
    part: 'Programs and people',
    unit: 'IP address',
    standard: '127.0.0.1',
    help: 'The address to listen on for the API. It speaks plain HTTP: put a proxy with a certificate in front before opening it to a network.',
  }),
  MULTIMAIL_HTTP_PORT: setting(listenPort, {
    part: 'Programs and people',
    unit: 'port',
    standard: '8025',
    help: 'The port to listen on for the API.',
  }),
  MULTIMAIL_KEY_RATE: setting(count(0, 1_000_000), {
    part: 'Programs and people',
    unit: 'requests a minute',
    standard: '600',
    help: 'How many requests a minute one API key may make; more are answered 429 with the seconds to wait. Each node counts for itself. 0 for no limit.',
  }),
  MULTIMAIL_ACCOUNT_RATE: setting(count(0, 1_000_000), {
    part: 'Programs and people',
    unit: 'requests a minute',
    standard: '3000',
    help: 'The same for all live keys of an account together, and once more for its test keys.',
  }),
  MULTIMAIL_METRICS_TOKEN: setting(metricsToken, {
    part: 'Programs and people',
    unit: 'text',
    standard: null,
    secret: true,
    help: 'What a Prometheus has to present as a bearer token to read /metrics. Without it there is no such page.',
  }),
  MULTIMAIL_PUBLIC_URL: setting(webAddress, {
    part: 'Programs and people',
    unit: 'address',
    standard: null,
    help: 'The address at which clients reach the API, such as that of a proxy in front. Without it: http, the host name and the port.',
  }),
  MULTIMAIL_SESSION_IDLE: setting(duration('5m', '30d'), {
    part: 'Programs and people',
    unit: 'duration',
    standard: '8h',
    help: 'After how long without a look at it the session of a person who signed in at /session is over.',
  }),
  MULTIMAIL_SESSION_LIFE: setting(duration('15m', '90d'), {
    part: 'Programs and people',
    unit: 'duration',
    standard: '7d',
    help: 'After how long such a session is over in any case.',
  }),
  MULTIMAIL_SMARTHOST: setting(relayPlace, {
    part: 'Leaving mail',
    unit: 'host:port',
    standard: null,
    only: 'server',
    help: 'Hand all leaving mail to this mail server instead of the ones of its recipients: for when your provider blocks port 25. With port 465, with 587 and whenever we log in, nothing goes there without TLS and a certificate that is valid for its name (the variable NODE_EXTRA_CA_CERTS names a file with an authority of your own).',
  }),
  MULTIMAIL_SMARTHOST_USER: setting(anyText, {
    part: 'Leaving mail',
    unit: 'text',
    standard: null,
    only: 'server',
    help: 'The name with which to log in at that mail server.',
  }),
  MULTIMAIL_SMARTHOST_PASSWORD: setting(anyText, {
    part: 'Leaving mail',
    unit: 'text',
    standard: null,
    secret: true,
    only: 'server',
    help: 'The password that goes with that name. It is said over TLS only.',
  }),
  MULTIMAIL_SMARTHOST_LOGINS_FILE: setting(loginsFile, {
    part: 'Leaving mail',
    unit: 'path',
    standard: null,
    only: 'server',
    help: 'A file with lines of `host user password`, instead of the two settings above or for several mail servers, such as a secret of your container engine.',
  }),
  MULTIMAIL_ROUTES: setting(domainRoutes, {
    part: 'Leaving mail',
    unit: 'domain=host:port',
    standard: null,
    only: 'server',
    help: 'Mail servers for mail to single domains and what is below them, separated by commas: example.org=relay.example.net:587. With mx instead of a host, mail for a domain goes to its own servers although there is a mail server for the rest.',
  }),
  MULTIMAIL_SOURCE_ADDRESSES: setting(sourceAddresses, {
    part: 'Leaving mail',
    unit: 'IP addresses',
    standard: null,
    only: 'server',
    help: 'Addresses of this machine to send from, separated by commas; each may be followed by = and the name that its PTR record has, to greet with. Each sending domain keeps to one IPv4 and one IPv6 address of them, and no other address is used. In a container they have to be addresses of the container. Without it: whichever the system takes.',
  }),
  MULTIMAIL_OUTBOUND_PORT: setting(remotePort, {
    part: 'Leaving mail',
    unit: 'port',
    standard: '25',
    only: 'server',
    help: 'The port on which the mail servers of recipients are reached. Outside of tests it is always 25.',
  }),
  MULTIMAIL_ALLOW_PRIVATE_TARGETS: setting(yesOrNo, {
    part: 'Leaving mail',
    unit: 'true or false',
    standard: 'false',
    only: 'server',
    help: 'Whether mail may be delivered to private and loopback addresses that the DNS names. Anybody can publish such records to reach into your network, so allow it only in a closed one.',
  }),
  MULTIMAIL_GIVE_UP_AFTER: setting(duration('10m', '7d'), {
    part: 'Leaving mail',
    unit: 'duration',
    standard: '72h',
    help: 'How long to keep trying to deliver a message before its recipients are reported as expired.',
  }),
  MULTIMAIL_DELIVERY_CONCURRENCY: setting(count(1, 500), {
    part: 'Leaving mail',
    unit: 'deliveries',
    standard: '100',
    help: 'How many deliveries may run at the same time, not counting those that have taken more than 30 seconds; with them at most four times as many.',
  }),
  MULTIMAIL_WARM_UP: setting(warmUpDays, {
    part: 'Leaving mail',
    unit: 'days',
    standard: null,
    only: 'server',
    help: 'The day (UTC) on which this server began to send from a new address: 2026-11-22, or 192.0.2.7=2026-11-22,192.0.2.8=2026-12-01 for several. For 30 days from then on it sends 50 messages a day, then more and more up to 5,000; what is over waits for the next day. Mail to a smarthost does not count.',
  }),
  MULTIMAIL_MAILBOX_HOURLY: setting(count(0, 1_000_000), {
    part: 'Leaving mail',
    unit: 'messages an hour',
    standard: '0',
    help: 'How many messages an hour the agent of one mailbox may hand in, each recipient counted; more are answered 429. 0 for no limit. multimail mailboxes limit sets another number for one mailbox.',
  }),
  MULTIMAIL_MAILBOX_DAILY: setting(count(0, 1_000_000), {
    part: 'Leaving mail',
    unit: 'messages a day',
    standard: '100',
    help: 'The same for 24 hours.',
  }),
  MULTIMAIL_MAILBOX_NEW_RECIPIENTS: setting(count(0, 1_000_000), {
    part: 'Leaving mail',
    unit: 'people a day',
    standard: '20',
    help: 'To how many people in 24 hours a mailbox may write that it has never written to, and that have not proved to have written to it. More are answered 429. 0 for no limit.',
  }),
  MULTIMAIL_EMAILS_PER_MONTH: setting(count(0, 1_000_000_000), {
    part: 'Leaving mail',
    unit: 'messages a month',
    standard: '0',
    help: 'How many messages an account may hand in within a calendar month (UTC), each recipient counted, mail of test keys not; more are answered 429. 0 for no limit.',
  }),
  MULTIMAIL_MOST_VISIBLE_RECIPIENTS: setting(count(1, 50), {
    part: 'Leaving mail',
    unit: 'addresses',
    standard: '10',
    help: 'How many addresses in To and Cc of one email may see each other before a person is asked, whatever the mode of the mailbox.',
  }),
  MULTIMAIL_DKIM_SIGNATURES: setting(dkimAlgorithms, {
    part: 'Leaving mail',
    unit: 'both or rsa',
    standard: 'both',
    help: 'Whether each message is signed with RSA and Ed25519, or with RSA alone, which everybody verifies: a few old relays stumble over two signatures.',
  }),
  MULTIMAIL_DKIM_VALID_FOR: setting(duration('1h', '6d'), {
    part: 'Leaving mail',
    unit: 'duration',
    standard: '72h',
    help: 'How long a signature is valid. Each attempt signs anew, so it may be shorter than the time for which delivery is tried; whoever gets hold of a message can send copies of it in your name for as long.',
  }),
  MULTIMAIL_DKIM_ROTATION_DAYS: setting(count(0, 3650), {
    part: 'Leaving mail',
    unit: 'days',
    standard: '90',
    only: 'server',
    help: 'After how many days the keys that sign are replaced. The next ones are made two weeks before; multimail dns prints their records, and they are used only once the DNS shows them. 0 for never; multimail dkim rotate replaces them at any time.',
  }),
  MULTIMAIL_DNS_SERVERS: setting(dnsServers, {
    part: 'Leaving mail',
    unit: 'IP addresses',
    standard: null,
    only: 'server',
    help: 'The DNS resolvers to ask, separated by commas. Without it: those of the system.',
  }),
  MULTIMAIL_DNS_VALIDATES: setting(yesOrNo, {
    part: 'Leaving mail',
    unit: 'true or false',
    standard: null,
    only: 'server',
    help: 'Whether those resolvers check DNSSEC, and nobody between them and this server can change what they say. Only then are the keys that mail servers publish in the DNS (DANE) looked at. Without it: true when all of them are at 127.0.0.1 or ::1. Say false when the one there is a plain forwarder.',
  }),
  MULTIMAIL_TLS_REPORTS: setting(yesOrNo, {
    part: 'Leaving mail',
    unit: 'true or false',
    standard: 'true',
    only: 'server',
    help: 'Whether domains that ask for it in the DNS are told once a day how many of our sessions with their mail servers were encrypted, and what was wrong with the others (TLSRPT). The report says nothing of messages, senders or recipients.',
  }),
  MULTIMAIL_DNSBL: setting(blocklists, {
    part: 'Arriving mail',
    unit: 'zones',
    standard: null,
    only: 'server',
    help: 'The DNS block lists to ask about each address that connects, separated by commas, each with the points a listing adds to the spam score where that is not the usual: bl.example.org=3. Read the terms of a list first; most refuse questions that come through a public DNS resolver.',
  }),
  MULTIMAIL_LOCAL_RECEIVER_PORT: setting(listenPort, {
    part: 'Leaving mail',
    unit: 'port',
    standard: '2526',
    only: 'local',
    help: 'The port of the small receiving server that gets all leaving mail in local mode.',
  }),
  MULTIMAIL_APPROVAL_BY_MAIL: setting(yesOrNo, {
    part: 'The last word',
    unit: 'yes or no',
    standard: 'yes',
    help: 'Whether people are told by mail of what waits, with a link for each email that shows it and with which they decide. With no they sign in for that.',
  }),
  MULTIMAIL_PEOPLE_FOR_TWO: setting(count(2, 10), {
    part: 'The last word',
    unit: 'people',
    standard: '2',
    help: 'How many different reviewers have to approve a message that a policy holds for two people. One who rejects it is enough.',
  }),
  MULTIMAIL_HOLD_EXPIRES_AFTER: setting(duration('1m', '30d'), {
    part: 'The last word',
    unit: 'duration',
    standard: '72h',
    help: 'How long a held message waits for a decision. Then it expires: silence never approves.',
  }),
  MULTIMAIL_VIEWS_KEPT_FOR: setting(duration('1d', '3650d'), {
    part: 'The last word',
    unit: 'duration',
    standard: '90d',
    help: 'How long after it was given last each answer that an agent got is kept, so that a reviewer can see what the agent had read (what_did_it_see). The log of record keeps its hash for good.',
  }),
  MULTIMAIL_VIEWS_SIZE: setting(size('1MiB', '1048576MiB'), {
    part: 'The last word',
    unit: 'size',
    standard: '2048MiB',
    help: 'How much of them is kept at most, of all accounts together and as text; on disk it is a fraction of that. What was given longest ago goes first. An answer of more than 256 KiB is not kept.',
  }),
  MULTIMAIL_ADMIN_APPROVAL: setting(adminApproval, {
    part: 'The last word',
    unit: 'code or off',
    standard: 'code',
    help: 'Whether an admin key that creates or revokes keys, makes mailboxes or the like needs a code that is mailed to the operator (multimail operator email), or multimail approve on the server. off: such a key does it at once, so whoever has it has everything.',
  }),
  MULTIMAIL_ALLOW_TEST_SELF_APPROVAL: setting(yesOrNo, {
    part: 'The last word',
    unit: 'true or false',
    standard: 'true',
    help: 'Whether a test key with admin scope may approve what it proposed itself. Test mail never leaves; a live key never may.',
  }),
  MULTIMAIL_LIMITS_MAILBOXES: setting(count(0, 1_000_000), {
    part: 'Accounts',
    unit: 'mailboxes',
    standard: '0',
    help: 'How many mailboxes create_mailbox lets one account have, in each world; deleted ones count no more. 0 for no limit. Commands on the host are not limited.',
  }),
  MULTIMAIL_SIGNUP: setting(signUp, {
    part: 'Accounts',
    unit: 'off, people or agents',
    standard: 'off',
    help: 'Who may sign up for an account of their own. people: whoever shows a proof of work and has the code that is mailed to them. agents: also agents that register themselves (/auth.md), with a code that is mailed to their person. Each account gets one gated mailbox at MULTIMAIL_SIGNUP_DOMAIN. This server then mails to addresses that strangers name, at most a hundred letters an hour, and with agents a hundred more for these.',
  }),
  MULTIMAIL_SIGNUP_DOMAIN: setting(domainName, {
    part: 'Accounts',
    unit: 'domain',
    standard: null,
    help: 'At which domain, set up here, the mailboxes of people who signed up are. Take one for this alone, with a mailbox of yours in it for postmaster: its reputation is theirs. While it has a catch-all nobody signs up.',
  }),
  MULTIMAIL_SIGNUP_WORK: setting(count(1000, 100_000_000), {
    part: 'Accounts',
    unit: 'attempts',
    standard: '1000000',
    help: 'How much a sign-up has to compute, at worst; half of it on average. A million takes an ordinary machine a second or two.',
  }),
  MULTIMAIL_SIGNUP_ACCOUNTS: setting(count(1, 1_000_000), {
    part: 'Accounts',
    unit: 'accounts',
    standard: '100',
    help: 'How many accounts people may have signed up for, altogether.',
  }),
  MULTIMAIL_WEBHOOK_RETRIES: setting(durations('1s', '24h'), {
    part: 'Webhooks',
    unit: 'durations',
    standard: '10s,1m,10m',
    help: 'How long to wait before an event is brought again to a webhook that did not take it, one wait for each repetition, separated by commas; with none it is brought once. What comes after it for the same webhook waits as well, so that all arrive in order.',
  }),
  MULTIMAIL_WEBHOOK_DISABLE_AFTER: setting(duration('1h', '60d'), {
    part: 'Webhooks',
    unit: 'duration',
    standard: '3d',
    help: 'A webhook that has taken nothing for so long is switched off, and you are told. What it missed can be brought again with replay_webhook_events.',
  }),
  MULTIMAIL_WEBHOOK_LOG_DAYS: setting(count(1, 3650), {
    part: 'Webhooks',
    unit: 'days',
    standard: '30',
    help: 'How long it is kept what became of each event at each webhook.',
  }),
  MULTIMAIL_WEBHOOK_PRIVATE_TARGETS: setting(yesOrNo, {
    part: 'Webhooks',
    unit: 'true or false',
    standard: 'false',
    only: 'server',
    help: 'For development only: whether webhooks may have http:// addresses, any port, and hosts on private and loopback addresses. Anybody with an admin key could then reach into your network. In local mode it is so.',
  }),
  MULTIMAIL_WEBHOOKS_FOR_TEST: setting(yesOrNo, {
    part: 'Webhooks',
    unit: 'true or false',
    standard: 'false',
    help: 'Whether events of the test world are brought to the webhooks that test keys made. Without it they are noted as delivered, and nothing leaves the machine.',
  }),
  MULTIMAIL_API_URL: setting(webAddress, {
    part: 'The command line',
    unit: 'address',
    standard: null,
    help: 'The running server that pending, show, approve, reject and mcp talk to. Without it: the address and port set for the API.',
  }),
  MULTIMAIL_API_KEY: setting(anyText, {
    part: 'The command line',
    unit: 'key',
    standard: null,
    secret: true,
    help: 'The key with which mcp acts, and, when there is no reviewer key, the other commands.',
  }),
  MULTIMAIL_REVIEWER_KEY: setting(anyText, {
    part: 'The command line',
    unit: 'key',
    standard: null,
    secret: true,
    help: 'The key with which pending, show, approve and reject act. In local mode they find one in the data folder.',
  }),
  MULTIMAIL_MAILBOX_ID: setting(anyText, {
    part: 'The command line',
    unit: 'id or address',
    standard: null,
    help: 'The mailbox that mcp works with when a call names none.',
  }),
})

export type Settings = z.infer<typeof settings>
export type SettingName = keyof Settings
export const settingNames = Object.keys(settings.shape) as SettingName[]

/** What the rest of the house sees. Durations in ms, sizes in bytes, paths absolute. */
export type Config = {
  mode: Mode
  hostname: string
  dataDir: string
  databaseUrl: string | null
  logLevel: Settings['MULTIMAIL_LOG_LEVEL']
  smtp: {
    host: string
    port: number
    maxMessageBytes: number
    maxRecipients: number
    maxConnections: number
    limits: Settings['MULTIMAIL_SMTP_LIMITS']
    /** networks (CIDR) and single addresses to which the limits do not apply */
    unlimited: readonly string[]
    /** addresses that say with the PROXY protocol who connects through them */
    proxies: readonly string[]
    tlsCertFile: string | null
    tlsKeyFile: string | null
  }
  /** programs that look at arriving mail as well; null: there is none */
  scanners: { clamd: { path: string } | HostAndPort | null; rspamdUrl: string | null }
  /** `senderLimit` null: no limit */
  verdicts: { senderLimit: number | null; trustedSealers: readonly DomainName[] }
  http: {
    host: string
    port: number
    publicUrl: string
    /** null: metrics are shown to nobody */
    metricsToken: string | null
    /** requests a minute; null: as many as they like */
    rates: { key: number | null; account: number | null }
  }
  outbound: {
    smarthost: Smarthost | null
    /** where mail for single domains goes instead */
    routes: readonly DomainRoute[]
    /** addresses of ours to send from, with the name to greet with there; none: whichever the system takes */
    sources: readonly { address: string; name: DomainName | null }[]
    allowPrivateTargets: boolean
    giveUpAfterMs: number
    concurrency: number
    port: number
    /** since when (epoch ms) addresses of ours send; `address` null: those that are not named */
    warmUp: readonly { address: string | null; since: number }[]
    /** of a mailbox that has none of its own; null: none */
    caps: { hour: number | null; day: number | null; new: number | null }
    /** messages that an account may hand in within a month; null: as many as it likes */
    monthly: number | null
    /** addresses in To and Cc of one email */
    mostSeen: number
    tlsReports: boolean
  }
  dkim: {
    algorithms: readonly ('rsa-sha256' | 'ed25519-sha256')[]
    validForMs: number
    /** null: never */
    rotateAfterMs: number | null
  }
  /** `people`: who have to approve what is held for two */
  holds: { expireAfterMs: number; people: number }
  people: { idleMs: number; lifeMs: number }
  /** answers that agents got; `most`: octets */
  views: { keepMs: number; most: number }
  approvalByMail: boolean
  /** of one account in each world; null: any number */
  limits: { mailboxes: number | null }
  /** null: nobody signs up. `difficulty`: attempts at worst */
  signup: { kind: 'people' | 'agents'; domain: DomainName; difficulty: number; mostAccounts: number } | null
  webhooks: {
    /** the waits before an event is brought again */
    retryAfterMs: readonly number[]
    disableAfterMs: number
    keepMs: number
    /** also over http */
    allowPrivateTargets: boolean
    forTest: boolean
  }
  /** null: those of the system; local mode asks nobody at all. */
  dns: {
    servers: string[] | null
    /** null: nobody said */
    validates: boolean | null
    blocklists: { zone: DomainName; points: number | null }[]
  }
  allowTestSelfApproval: boolean
  adminApproval: 'code' | 'off'
}

const dayMs = 24 * 60 * 60_000

// RFC 6761 §6.4: no name below .test exists on the internet.
const localHostname = 'mail.multimail.test'

/** The configuration these settings amount to; what is not the operator's to choose in local mode is fixed here. */
export function toConfig(values: Settings): Config {
  const local = values.MULTIMAIL_HOSTNAME === null
  const hostname = values.MULTIMAIL_HOSTNAME ?? localHostname
  const webHost = local ? bracketed(values.MULTIMAIL_HTTP_HOST) : hostname
  return {
    mode: local ? 'local' : 'server',
    hostname,
    dataDir: values.MULTIMAIL_DATA_DIR,
    databaseUrl: values.DATABASE_URL,
    logLevel: values.MULTIMAIL_LOG_LEVEL,
    smtp: {
      host: values.MULTIMAIL_SMTP_HOST,
      port: values.MULTIMAIL_SMTP_PORT,
      maxMessageBytes: values.MULTIMAIL_SMTP_MAX_MESSAGE,
      maxRecipients: values.MULTIMAIL_SMTP_MAX_RECIPIENTS,
      maxConnections: values.MULTIMAIL_SMTP_MAX_CONNECTIONS,
      limits: values.MULTIMAIL_SMTP_LIMITS,
      unlimited: values.MULTIMAIL_SMTP_UNLIMITED ?? [],
      proxies: values.MULTIMAIL_SMTP_PROXY ?? [],
      tlsCertFile: values.MULTIMAIL_TLS_CERT_FILE,
      tlsKeyFile: values.MULTIMAIL_TLS_KEY_FILE,
    },
    scanners: { clamd: values.MULTIMAIL_CLAMD, rspamdUrl: values.MULTIMAIL_RSPAMD_URL },
    verdicts: {
      senderLimit: local || values.MULTIMAIL_SENDER_RATE === 0 ? null : values.MULTIMAIL_SENDER_RATE,
      trustedSealers: values.MULTIMAIL_TRUSTED_SEALERS ?? [],
    },
    http: {
      host: values.MULTIMAIL_HTTP_HOST,
      port: values.MULTIMAIL_HTTP_PORT,
      publicUrl: values.MULTIMAIL_PUBLIC_URL ?? `http://${webHost}:${values.MULTIMAIL_HTTP_PORT}`,
      metricsToken: values.MULTIMAIL_METRICS_TOKEN,
      rates: { key: values.MULTIMAIL_KEY_RATE || null, account: values.MULTIMAIL_ACCOUNT_RATE || null },
    },
    outbound: {
      // In local mode everything goes to our own receiver, so nothing can reach the internet by accident.
      smarthost: local
        ? { host: '127.0.0.1', port: values.MULTIMAIL_LOCAL_RECEIVER_PORT, tls: 'offered', login: null }
        : smarthostOf(values),
      routes: routesOf(values),
      sources: values.MULTIMAIL_SOURCE_ADDRESSES ?? [],
      allowPrivateTargets: local || values.MULTIMAIL_ALLOW_PRIVATE_TARGETS,
      giveUpAfterMs: values.MULTIMAIL_GIVE_UP_AFTER,
      concurrency: values.MULTIMAIL_DELIVERY_CONCURRENCY,
      port: values.MULTIMAIL_OUTBOUND_PORT,
      warmUp: local ? [] : (values.MULTIMAIL_WARM_UP ?? []),
      monthly: values.MULTIMAIL_EMAILS_PER_MONTH || null,
      mostSeen: values.MULTIMAIL_MOST_VISIBLE_RECIPIENTS,
      caps: {
        hour: values.MULTIMAIL_MAILBOX_HOURLY || null,
        day: values.MULTIMAIL_MAILBOX_DAILY || null,
        new: values.MULTIMAIL_MAILBOX_NEW_RECIPIENTS || null,
      },
      tlsReports: !local && values.MULTIMAIL_TLS_REPORTS,
    },
    dkim: {
      algorithms: values.MULTIMAIL_DKIM_SIGNATURES,
      validForMs: values.MULTIMAIL_DKIM_VALID_FOR,
      rotateAfterMs: local || values.MULTIMAIL_DKIM_ROTATION_DAYS === 0 ? null : values.MULTIMAIL_DKIM_ROTATION_DAYS * dayMs,
    },
    approvalByMail: values.MULTIMAIL_APPROVAL_BY_MAIL,
    people: { idleMs: values.MULTIMAIL_SESSION_IDLE, lifeMs: values.MULTIMAIL_SESSION_LIFE },
    holds: { expireAfterMs: values.MULTIMAIL_HOLD_EXPIRES_AFTER, people: values.MULTIMAIL_PEOPLE_FOR_TWO },
    views: { keepMs: values.MULTIMAIL_VIEWS_KEPT_FOR, most: values.MULTIMAIL_VIEWS_SIZE },
    limits: { mailboxes: values.MULTIMAIL_LIMITS_MAILBOXES || null },
    signup: signupOf(values),
    webhooks: {
      retryAfterMs: values.MULTIMAIL_WEBHOOK_RETRIES,
      disableAfterMs: values.MULTIMAIL_WEBHOOK_DISABLE_AFTER,
      keepMs: values.MULTIMAIL_WEBHOOK_LOG_DAYS * dayMs,
      allowPrivateTargets: local || values.MULTIMAIL_WEBHOOK_PRIVATE_TARGETS,
      forTest: values.MULTIMAIL_WEBHOOKS_FOR_TEST,
    },
    dns: { servers: values.MULTIMAIL_DNS_SERVERS, validates: values.MULTIMAIL_DNS_VALIDATES, blocklists: values.MULTIMAIL_DNSBL ?? [] },
    allowTestSelfApproval: values.MULTIMAIL_ALLOW_TEST_SELF_APPROVAL,
    adminApproval: values.MULTIMAIL_ADMIN_APPROVAL,
  }
}

function smarthostOf(values: Settings): Smarthost | null {
  const [place, user, password] = [values.MULTIMAIL_SMARTHOST, values.MULTIMAIL_SMARTHOST_USER, values.MULTIMAIL_SMARTHOST_PASSWORD]
  const login = user === null || password === null ? null : { user, password }
  return place === null ? null : smarthostAt(place, values.MULTIMAIL_SMARTHOST_LOGINS_FILE, login)
}

function signupOf(values: Settings): Config['signup'] {
  const [kind, domain] = [values.MULTIMAIL_SIGNUP, values.MULTIMAIL_SIGNUP_DOMAIN]
  return kind === 'off' || domain === null
    ? null
    : { kind, domain, difficulty: values.MULTIMAIL_SIGNUP_WORK, mostAccounts: values.MULTIMAIL_SIGNUP_ACCOUNTS }
}

const routesOf = (values: Settings): DomainRoute[] =>
  (values.MULTIMAIL_ROUTES ?? []).map(({ domain, to }) => ({
    domain,
    to: to === 'mx' ? to : smarthostAt(to, values.MULTIMAIL_SMARTHOST_LOGINS_FILE),
  }))

const bracketed = (address: string): string => (address.includes(':') ? `[${address}]` : address)
