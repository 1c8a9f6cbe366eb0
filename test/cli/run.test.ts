import { describe, expect, it } from 'vitest'
import { commands, isCommandName } from '../../server/cli/commands.ts'
import { multimail } from '../support/cli.ts'
import { freePort } from '../support/free-port.ts'

const names = Object.keys(commands).filter(isCommandName)

describe('the command line', () => {
  it.each([[], ['help'], ['--help']])('lists every command: multimail %s', async (...argv) => {
    const { code, out } = await multimail({}, ...argv.filter((word) => typeof word === 'string'))
    expect(code).toBe(0)
    for (const name of names) expect(out).toContain(`  ${name} `)
  })

  it.each(names)('explains `%s`', async (name) => {
    const { code, out } = await multimail({}, ...name.split(' '), '--help')
    expect(code).toBe(0)
    expect(out).toMatch(new RegExp(`^Usage: multimail ${name}`))
  })

  it.each([
    ['an unknown command', ['sned'], /There is no command "sned"/],
    ['half a command', ['keys'], /There is no command "keys"/],
    ['an unknown option', ['config', '--colour'], /Unknown option '--colour'/],
    ['an option without its value', ['setup', '--domain'], /--domain/],
    ['a missing word', ['show'], /Usage: multimail show ID/],
    ['a word too many', ['pending', 'now'], /Usage: multimail pending/],
    ['no reason', ['reject', 'em_1'], /Say why with --reason/],
    ['no domain', ['setup'], /Say which domain/],
    ['no key', ['pending'], /MULTIMAIL_REVIEWER_KEY/],
    ['no key', ['mcp'], /MULTIMAIL_API_KEY/],
    ['a DNS check in local mode', ['dns', 'check'], /Local mode asks no DNS server/],
  ])('ends with 2 for %s, and says so on standard error', async (_, argv, words) => {
    const env = { MULTIMAIL_DATA_DIR: '/nonexistent/multimail' }
    const run = await multimail(argv[0] === 'setup' ? {} : env, ...argv)
    expect(run).toMatchObject({ code: 2, out: '', err: expect.stringMatching(words) })
  })

  it('ends with 2 and every problem when the settings are wrong', async () => {
    const run = await multimail({ MULTIMAIL_SMTP_PORT: 'x', MULTIMAIL_HTTP_PORT: 'y' }, 'config')
    expect(run).toMatchObject({ code: 2, out: '' })
    expect(run.err).toMatch(/MULTIMAIL_SMTP_PORT.*\n.*MULTIMAIL_HTTP_PORT/)
  })
})

describe('multimail config', () => {
  const env = {
    MULTIMAIL_HOSTNAME: 'mail.example.com',
    DATABASE_URL: 'postgres://me:hunter2@db/mail',
    MULTIMAIL_API_KEY: 'mm_live_hunter2',
  }

  it('prints what is in force and where it came from, without secrets', async () => {
    const { code, out } = await multimail(env, 'config')
    expect(code).toBe(0)
    expect(out).toMatch(/^mode: server$/m)
    expect(out).toMatch(/^MULTIMAIL_HOSTNAME +mail\.example\.com +environment$/m)
    expect(out).toMatch(/^MULTIMAIL_SMTP_PORT +2525 +default$/m)
    expect(out).not.toContain('hunter2')
  })

  it('prints the same as JSON', async () => {
    const { out } = await multimail(env, 'config', '--json')
    const { mode, settings } = JSON.parse(out) as { mode: string; settings: { name: string }[] }
    expect(mode).toBe('server')
    expect(settings).toContainEqual({ name: 'DATABASE_URL', value: 'postgres://me:[hidden]@db/mail', source: 'environment' })
    expect(out).not.toContain('hunter2')
  })
})

describe('multimail health', () => {
  it('ends with 1 when no server answers', async () => {
    const port = await freePort()
    const run = await multimail({ MULTIMAIL_HTTP_PORT: String(port) }, 'health')
    expect(run).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^not well: http:\/\/127\.0\.0\.1:\d+\/health does not answer \(.*ECONNREFUSED/),
    })
  })
})
