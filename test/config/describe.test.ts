import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { effectiveText, settingsMarkdown, shownValue } from '../../config/describe.ts'
import { loadConfig } from '../../config/load.ts'
import { factsOf, settingNames, settings } from '../../config/schema.ts'

describe('every setting', () => {
  it('has a help text, a unit, and a default that it understands itself', () => {
    for (const name of settingNames) {
      const facts = factsOf.get(settings.shape[name])
      expect(facts).toMatchObject({
        part: expect.stringMatching(/./),
        unit: expect.stringMatching(/./),
        help: expect.stringMatching(/\.$/),
      })
    }
    expect(settings.safeParse({}).success).toBe(true)
  })

  it('stands in docs/settings.md as it is (write it anew with `multimail config --markdown > docs/settings.md`)', () => {
    expect(readFileSync('docs/settings.md', 'utf8')).toBe(settingsMarkdown())
  })
})

describe('what an operator is shown', () => {
  it('says where each value came from', () => {
    const loaded = loadConfig({ env: { MULTIMAIL_SMTP_PORT: '2600' }, file: null })
    const lines = (loaded.ok ? effectiveText(loaded.effective) : '').split('\n')
    expect(lines).toHaveLength(settingNames.length)
    expect(lines.find((line) => line.includes('SMTP_PORT'))).toMatch(/^MULTIMAIL_SMTP_PORT +2600 +environment$/)
    expect(lines.find((line) => line.includes('HTTP_PORT'))).toMatch(/^MULTIMAIL_HTTP_PORT +8025 +default$/)
    expect(lines.find((line) => line.includes('SMARTHOST'))).toMatch(/^MULTIMAIL_SMARTHOST +- +default$/)
  })

  it.each([
    ['postgres://me:hunter2@db.example.com:5432/mail', 'postgres://me:[hidden]@db.example.com:5432/mail'],
    ['postgres://db/mail', 'postgres://db/mail'],
    ['postgres://db/mail?user=me&password=hunter2', 'postgres://db/mail?user=[hidden]&password=[hidden]'],
  ])('of the database %s is %s', (text, shown) => {
    expect(shownValue({ name: 'DATABASE_URL', text })).toBe(shown)
  })

  it('has no key in it', () => {
    const env = {
      MULTIMAIL_API_KEY: 'mm_live_hunter2',
      MULTIMAIL_REVIEWER_KEY: 'mm_live_hunter2',
      DATABASE_URL: 'postgres://a:hunter2@b/c',
    }
    const loaded = loadConfig({ env, file: null })
    expect(loaded.ok && effectiveText(loaded.effective)).not.toContain('hunter2')
  })
})
