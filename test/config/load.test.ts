import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { effectiveText } from '../../config/describe.ts'
import { loadConfig, problemsText } from '../../config/load.ts'

type Env = Record<string, string | undefined>
const load = (env: Env, file: string | null = null) => loadConfig({ env, file })
const problems = (env: Env, file: string | null = null): readonly string[] => {
  const loaded = load(env, file)
  return loaded.ok ? [] : loaded.problems
}
const config = (env: Env, file: string | null = null) => {
  const loaded = load(env, file)
  return loaded.ok ? loaded.config : expect.fail(problemsText(loaded.problems))
}
function settingsFile(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'multimail-config-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'multimail.env')
  writeFileSync(path, text)
  return path
}
const server = { MULTIMAIL_HOSTNAME: 'Mail.Example.com.' }

describe('without any setting', () => {
  it('the server runs in local mode: loopback only, and mail goes to its own receiver', () => {
    expect(config({})).toMatchObject({
      mode: 'local',
      hostname: 'mail.multimail.test',
      dataDir: join(process.cwd(), 'data'),
      databaseUrl: null,
      smtp: { host: '127.0.0.1', port: 2525, maxMessageBytes: 35 * 1024 * 1024, maxRecipients: 100 },
      http: { host: '127.0.0.1', port: 8025, publicUrl: 'http://127.0.0.1:8025' },
      outbound: { smarthost: { host: '127.0.0.1', port: 2526 }, giveUpAfterMs: 72 * 3_600_000 },
      dkim: { algorithms: ['rsa-sha256', 'ed25519-sha256'], validForMs: 72 * 3_600_000, rotateAfterMs: null },
      holds: { expireAfterMs: 72 * 3_600_000 },
      allowTestSelfApproval: true,
    })
  })

  it('an empty value is none', () => {
    expect(config({ MULTIMAIL_HOSTNAME: ' ', MULTIMAIL_SMTP_PORT: '' })).toEqual(config({}))
  })
})

describe('a host name', () => {
  it('turns server mode on, where mail goes to the servers of its recipients', () => {
    expect(config(server)).toMatchObject({
      mode: 'server',
      hostname: 'mail.example.com',
      http: { publicUrl: 'http://mail.example.com:8025' },
      outbound: { smarthost: null, allowPrivateTargets: false, port: 25 },
      dns: { servers: null, blocklists: [] },
    })
  })

  it('lets every setting be set', () => {
    const env = {
      ...server,
      DATABASE_URL: 'postgres://me:secret@db.example.com/mail',
      MULTIMAIL_SMTP_HOST: '::',
      MULTIMAIL_SMTP_PORT: '25',
      MULTIMAIL_SMTP_MAX_MESSAGE: '1.5 MiB',
      MULTIMAIL_SMTP_PROXY: '192.0.2.7, 2001:db8::7',
      MULTIMAIL_SMTP_LIMITS: 'monitor',
      MULTIMAIL_SMTP_UNLIMITED: '192.0.2.0/24, 2001:db8::/48,192.0.2.7',
      MULTIMAIL_TLS_CERT_FILE: '/etc/tls/cert.pem',
      MULTIMAIL_TLS_KEY_FILE: 'key.pem',
      MULTIMAIL_PUBLIC_URL: 'https://post.example.com/',
      MULTIMAIL_SMARTHOST: '[2001:db8::7]:587',
      MULTIMAIL_ALLOW_PRIVATE_TARGETS: 'Yes',
      MULTIMAIL_GIVE_UP_AFTER: '5d',
      MULTIMAIL_HOLD_EXPIRES_AFTER: '90m',
      MULTIMAIL_DNS_SERVERS: '127.0.0.1, 192.0.2.53:5353,[2001:db8::53]:53,::1',
      MULTIMAIL_DNSBL: 'bl.example.org=2.5, DNSBL.example.com',
      MULTIMAIL_ALLOW_TEST_SELF_APPROVAL: 'false',
    }
    expect(config(env)).toMatchObject({
      databaseUrl: env.DATABASE_URL,
      smtp: {
        host: '::',
        port: 25,
        maxMessageBytes: 1_572_864,
        limits: 'monitor',
        unlimited: ['192.0.2.0/24', '2001:db8::/48', '192.0.2.7'],
        proxies: ['192.0.2.7', '2001:db8::7'],
        tlsCertFile: '/etc/tls/cert.pem',
        tlsKeyFile: join(process.cwd(), 'key.pem'),
      },
      http: { publicUrl: 'https://post.example.com' },
      outbound: { smarthost: { host: '2001:db8::7', port: 587 }, allowPrivateTargets: true, giveUpAfterMs: 432_000_000 },
      holds: { expireAfterMs: 5_400_000 },
      dns: {
        servers: ['127.0.0.1', '192.0.2.53:5353', '[2001:db8::53]:53', '::1'],
        blocklists: [
          { zone: 'bl.example.org', points: 2.5 },
          { zone: 'dnsbl.example.com', points: null },
        ],
      },
      allowTestSelfApproval: false,
    })
  })
})

describe('problems', () => {
  it('are all listed at once, each with what to write instead', () => {
    const found = problems({
      DATABASE_URL: 'mysql://me:hunter2@db/mail',
      MULTIMAIL_SMTP_PORT: '99999',
      MULTIMAIL_SMTP_MAX_MESSAGE: '35MB',
      MULTIMAIL_HOLD_EXPIRES_AFTER: '72',
      MULTIMAIL_SMTP_HOST: '0.0.0.0',
      MULTIMAIL_TLS_KEY_FILE: '/key.pem',
      MULTIMAIL_SMARTHOST: 'relay.example.com:25',
      MULTIMAIL_SMTP_PROT: '25',
    })
    expect(found).toEqual([
      expect.stringMatching(/^DATABASE_URL \(environment\) is not understood: write an address such as postgresql:/),
      'MULTIMAIL_SMTP_PORT (environment) is "99999": write a port number from 1 to 65535, or 0 for any free one.',
      expect.stringMatching(/^MULTIMAIL_SMTP_MAX_MESSAGE \(environment\) is "35MB": write a number with its unit \(B, KiB or MiB\)/),
      expect.stringMatching(/^MULTIMAIL_HOLD_EXPIRES_AFTER \(environment\) is "72": write a number with its unit/),
      expect.stringMatching(/^MULTIMAIL_SMARTHOST means something in server mode only/),
      expect.stringMatching(/^MULTIMAIL_SMTP_HOST is 0\.0\.0\.0, but local mode listens on this machine only/),
      'MULTIMAIL_TLS_KEY_FILE needs MULTIMAIL_TLS_CERT_FILE: set both or neither.',
      '"MULTIMAIL_SMTP_PROT" is not a setting: did you mean MULTIMAIL_SMTP_PORT?',
    ])
    expect(problemsText(found)).not.toContain('hunter2')
  })

  it.each([
    ['MULTIMAIL_HOSTNAME', 'localhost'],
    ['MULTIMAIL_HOSTNAME', '192.0.2.1'],
    ['MULTIMAIL_SMTP_PORT', '25 '.repeat(2)],
    ['MULTIMAIL_SMTP_PORT', '0x19'],
    ['MULTIMAIL_SMTP_PROXY', '192.0.2.0/24'],
    ['MULTIMAIL_SMTP_PROXY', 'proxy.example.com'],
    ['MULTIMAIL_SMTP_MAX_MESSAGE', '1e3KiB'],
    ['MULTIMAIL_SMTP_MAX_MESSAGE', '999999999MiB'],
    ['MULTIMAIL_SMTP_MAX_MESSAGE', '35constructor'],
    ['MULTIMAIL_SMTP_MAX_RECIPIENTS', '99'],
    ['MULTIMAIL_SMTP_MAX_CONNECTIONS', '0'],
    ['MULTIMAIL_SMTP_LIMITS', 'maybe'],
    ['MULTIMAIL_SMTP_UNLIMITED', '192.0.2.0/33'],
    ['MULTIMAIL_SMTP_UNLIMITED', '192.0.2.0/'],
    ['MULTIMAIL_SMTP_UNLIMITED', '2001:db8::/129'],
    ['MULTIMAIL_SMTP_UNLIMITED', 'relay.example.com'],
    ['MULTIMAIL_SMTP_UNLIMITED', '192.0.2.1,,192.0.2.2'],
    ['MULTIMAIL_METRICS_TOKEN', 'too-short'],
    ['MULTIMAIL_METRICS_TOKEN', 'with a space in the middle'],
    ['MULTIMAIL_HOLD_EXPIRES_AFTER', '-1h'],
    ['MULTIMAIL_HOLD_EXPIRES_AFTER', '0s'],
    ['MULTIMAIL_PUBLIC_URL', 'ftp://example.com'],
    ['MULTIMAIL_PUBLIC_URL', 'https://example.com/mail'],
    ['MULTIMAIL_SMARTHOST', 'relay.example.com'],
    ['MULTIMAIL_SMARTHOST', '2001:db8::7:25'],
    ['MULTIMAIL_SMARTHOST', 'relay.example.com:0'],
    ['MULTIMAIL_DNS_SERVERS', 'dns.example.com'],
    ['MULTIMAIL_DNS_SERVERS', '127.0.0.1:99999'],
    ['MULTIMAIL_DNSBL', 'bl.example.org=much'],
    ['MULTIMAIL_DNSBL', 'bl.example.org=101'],
    ['MULTIMAIL_DNSBL', '192.0.2.53'],
    ['MULTIMAIL_ALLOW_PRIVATE_TARGETS', 'maybe'],
    ['MULTIMAIL_LOG_LEVEL', 'loud'],
    ['MULTIMAIL_LOCAL_RECEIVER_PORT', '2526'],
  ])('%s=%s is refused', (name, text) => {
    expect(problems({ ...server, [name]: text })).toEqual([expect.stringContaining(name)])
  })

  it('do not arise from what other programs put into the environment', () => {
    const others = {
      MULTIMAIL_BASE_URL: 'x',
      MULTIMAIL_SERVICE_HOST: '10.0.0.1',
      MULTIMAIL_PORT_25_TCP_ADDR: '10.0.0.1',
      MULTIMAIL_PORT: 'tcp://10.0.0.1:25',
    }
    expect(problems(others)).toEqual([])
  })
})

describe('local mode', () => {
  it.each([
    ['MULTIMAIL_SMARTHOST', 'relay.example.com:25'],
    ['MULTIMAIL_OUTBOUND_PORT', '2600'],
    ['MULTIMAIL_ALLOW_PRIVATE_TARGETS', 'true'],
    ['MULTIMAIL_DNS_SERVERS', '192.0.2.53'],
    ['MULTIMAIL_HTTP_HOST', '0.0.0.0'],
    ['MULTIMAIL_HTTP_HOST', '::'],
    ['MULTIMAIL_SMTP_HOST', '192.0.2.1'],
  ])('refuses %s=%s, which would let mail leave or strangers in', (name, text) => {
    expect(problems({ [name]: text })).toEqual([expect.stringContaining(name)])
  })

  it.each(['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1'])('listens on %s', (address) => {
    expect(config({ MULTIMAIL_HTTP_HOST: address, MULTIMAIL_SMTP_HOST: address }).mode).toBe('local')
  })
})

describe('the settings file', () => {
  it('counts, and the environment goes before it', () => {
    const path = settingsFile(
      '# ours\r\nexport MULTIMAIL_HOSTNAME="mail.example.com"\r\n\r\nMULTIMAIL_SMTP_PORT=25 # mail\nMULTIMAIL_HTTP_PORT=80\n',
    )
    const loaded = load({ MULTIMAIL_HTTP_PORT: '8080' }, path)
    expect(loaded).toMatchObject({ ok: true, config: { hostname: 'mail.example.com', smtp: { port: 25 }, http: { port: 8080 } } })
    const sources = loaded.ok ? loaded.effective.filter(({ source }) => source !== 'default') : []
    expect(sources.map(({ name, source }) => [name, source])).toEqual([
      ['MULTIMAIL_HOSTNAME', 'file'],
      ['MULTIMAIL_SMTP_PORT', 'file'],
      ['MULTIMAIL_HTTP_PORT', 'environment'],
    ])
  })

  it('is checked for lines and names that mean nothing', () => {
    const path = settingsFile('MULTIMAIL_HOSTNAME: mail.example.com\nSMTP_PORT=25\nmultimail_smtp_port=25\nCOLOUR_OF_THE_CONSOLE=red\n')
    expect(problems({}, path)).toEqual([
      `${path}:1: write NAME=value, or # and a comment.`,
      '"COLOUR_OF_THE_CONSOLE" is not a setting.',
      '"SMTP_PORT" is not a setting: did you mean MULTIMAIL_SMTP_PORT?',
      '"multimail_smtp_port" is not a setting: did you mean MULTIMAIL_SMTP_PORT?',
    ])
  })

  it('has to be there when it is asked for by name', () => {
    const loaded = loadConfig({ env: { MULTIMAIL_CONFIG_FILE: '/nowhere/multimail.env' } })
    expect(loaded).toEqual({ ok: false, problems: ['/nowhere/multimail.env cannot be read (there is no such file).'] })
  })
})

describe('mail servers that take leaving mail from us', () => {
  const outbound = (env: Env) => config({ ...server, ...env }).outbound

  it.each([
    ['relay.example.com:25', 'offered'],
    ['relay.example.com:587', 'starttls'],
    ['relay.example.com:465', 'implicit'],
    ['smtps://relay.example.com:2465', 'implicit'],
  ])('%s: TLS %s; with a login never without', (text, tls) => {
    const login = { MULTIMAIL_SMARTHOST_USER: 'me', MULTIMAIL_SMARTHOST_PASSWORD: 'hunter2 and more' }
    expect(outbound({ MULTIMAIL_SMARTHOST: text }).smarthost).toMatchObject({ host: 'relay.example.com', tls, login: null })
    expect(outbound({ MULTIMAIL_SMARTHOST: text, ...login }).smarthost).toMatchObject({
      tls: tls === 'offered' ? 'starttls' : tls,
      login: { user: 'me', password: 'hunter2 and more' },
    })
  })

  it('may differ from domain to domain, with their logins in a file', () => {
    const file = settingsFile('# logins\nrelay.example.net:587 me hunter2 and more\n[2001:db8::7]:25 you x\n\n')
    const { smarthost, routes } = outbound({
      MULTIMAIL_SMARTHOST: '[2001:db8::7]:25',
      MULTIMAIL_ROUTES: 'Example.org=relay.example.net:587, partner.example=mx',
      MULTIMAIL_SMARTHOST_LOGINS_FILE: file,
    })
    expect(smarthost).toEqual({ host: '2001:db8::7', port: 25, tls: 'starttls', login: { user: 'you', password: 'x' } })
    const login = { user: 'me', password: 'hunter2 and more' }
    expect(routes).toEqual([
      { domain: 'example.org', to: { host: 'relay.example.net', port: 587, tls: 'starttls', login } },
      { domain: 'partner.example', to: 'mx' },
    ])
  })

  it.each<[Env, RegExp]>([
    [{ MULTIMAIL_SMARTHOST: 'smtps://me:hunter2@relay.example.com:465' }, /write a host and a port/],
    [{ MULTIMAIL_SMARTHOST: 'relay.example.com:587', MULTIMAIL_SMARTHOST_USER: 'me' }, /set both or neither/],
    [{ MULTIMAIL_SMARTHOST_USER: 'me', MULTIMAIL_SMARTHOST_PASSWORD: 'x' }, /needs MULTIMAIL_SMARTHOST/],
    [{ MULTIMAIL_ROUTES: 'example.org' }, /write up to 200 routes/],
    [{ MULTIMAIL_ROUTES: 'example.org=relay' }, /write up to 200 routes/],
    [{ MULTIMAIL_SMARTHOST_LOGINS_FILE: '/nowhere/at/all' }, /a file that can be read/],
    [{ MULTIMAIL_SOURCE_ADDRESSES: '192.0.2.7=localhost' }, /IP addresses separated by commas/],
    [{ MULTIMAIL_SOURCE_ADDRESSES: 'mail.example.com' }, /IP addresses separated by commas/],
  ])('%j is refused', (env, words) => {
    expect(problems({ ...server, ...env }).join('\n')).toMatch(words)
  })

  it('are logged in to without the password being shown', () => {
    const env = { ...server, MULTIMAIL_SMARTHOST: 'a.example:587', MULTIMAIL_SMARTHOST_USER: 'me', MULTIMAIL_SMARTHOST_PASSWORD: 'hunter2' }
    const loaded = load(env)
    expect(loaded.ok && effectiveText(loaded.effective)).not.toContain('hunter2')
  })

  it('addresses to send from may have names', () => {
    expect(outbound({ MULTIMAIL_SOURCE_ADDRESSES: '192.0.2.7, 2001:db8::7=Mail6.example.com' }).sources).toEqual([
      { address: '192.0.2.7', name: null },
      { address: '2001:db8::7', name: 'mail6.example.com' },
    ])
  })
})
