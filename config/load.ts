/**
 * Reads the settings: from the environment, else from `config/multimail.env`, else the default. The only place that reads
 * process.env. It lists every problem at once, each with what to write instead.
 */
import { join } from 'node:path'
import type { z } from 'zod'
import { nearest } from './nearest.ts'
import { type Given, contradictions } from './rules.ts'
import { type Config, type SettingName, type Settings, factsOf, settingNames, settings, toConfig } from './schema.ts'
import { readSettingsFile } from './settings-file.ts'

export type Source = 'environment' | 'file' | 'default'
/** One setting as it is in force; `text` as written, null when there is none. */
export type Effective = { name: SettingName; text: string | null; source: Source }

/** `file` is the settings file that was looked for, `problems` whole sentences. */
export type Loaded =
  | { ok: true; config: Config; values: Settings; effective: readonly Effective[]; file: string | null }
  | { ok: false; problems: readonly string[] }

type Environment = Record<string, string | undefined>

/** Not a setting, for a file cannot name itself: where else the file is. */
const fileVariable = 'MULTIMAIL_CONFIG_FILE'
const standardFile = join(import.meta.dirname, 'multimail.env')

/** @param from.file null for none; left out, MULTIMAIL_CONFIG_FILE or `config/multimail.env`, which need not exist */
export function loadConfig(from: { env?: Environment; file?: string | null } = {}): Loaded {
  const env = from.env ?? process.env
  const path = from.file === undefined ? (written(env[fileVariable]) ?? standardFile) : from.file
  const file = path === null ? { values: {}, problems: [] } : readSettingsFile(path, path !== standardFile)
  const effective = settingNames.map((name) => inForce(name, env, file.values))
  const given: Given = Object.fromEntries(effective.flatMap(({ name, text, source }) => (source === 'default' ? [] : [[name, text]])))
  const parsed = settings.safeParse(given)
  const problems = [
    ...file.problems,
    ...(parsed.error?.issues ?? []).map((issue) => describe(issue, effective)),
    ...contradictions(given),
    ...unknown(Object.keys(env).filter((name) => name.startsWith('MULTIMAIL_') && !isForeign(name))),
    ...unknown(Object.keys(file.values)),
  ]
  if (!parsed.success || problems.length > 0) return { ok: false, problems }
  return { ok: true, config: toConfig(parsed.data), values: parsed.data, effective, file: path }
}

/** The problems as an operator reads them. */
export const problemsText = (problems: readonly string[]): string =>
  ['The settings cannot be used:', ...problems.map((problem) => `  - ${problem}`), 'docs/settings.md describes every setting.'].join('\n')

function inForce(name: SettingName, env: Environment, file: Environment): Effective {
  const [fromEnv, fromFile] = [written(env[name]), written(file[name])]
  if (fromEnv !== undefined) return { name, text: fromEnv, source: 'environment' }
  if (fromFile !== undefined) return { name, text: fromFile, source: 'file' }
  return { name, text: factsOf.get(settings.shape[name])?.standard ?? null, source: 'default' }
}

/** An empty value counts as none: that is how a compose file passes on a variable that is not set. */
const written = (text: string | undefined): string | undefined => (text === undefined || text.trim() === '' ? undefined : text.trim())

function describe(issue: z.core.$ZodIssue, effective: readonly Effective[]): string {
  const setting = effective.find(({ name }) => name === issue.path[0])
  if (setting === undefined) return issue.message
  const secret = factsOf.get(settings.shape[setting.name])?.secret
  const value = secret || setting.text === null ? 'not understood' : JSON.stringify(setting.text.slice(0, 100))
  return `${setting.name} (${setting.source}) is ${value}: ${issue.message}.`
}

// The public clients of the service read these; and Kubernetes adds the second kind to every container beside a service called `multimail`.
const isForeign = (name: string): boolean =>
  ['MULTIMAIL_BASE_URL', 'MULTIMAIL_BEARER_AUTH', fileVariable].includes(name) ||
  /^MULTIMAIL_(SERVICE_(HOST|PORT.*)|PORT(_\d+_.*)?)$/.test(name)

/** A mistyped name would otherwise leave a default in force that nobody chose. */
const unknown = (names: readonly string[]): string[] =>
  names
    .filter((name) => !Object.hasOwn(settings.shape, name))
    .map((name) => {
      const near = nearest(`MULTIMAIL_${name.toUpperCase().replace(/^MULTIMAIL_/, '')}`, settingNames)
      return `${JSON.stringify(name.slice(0, 100))} is not a setting${near === null ? '.' : `: did you mean ${near}?`}`
    })
