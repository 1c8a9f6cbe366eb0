import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** A file of `NAME=value` lines, as `docker --env-file` and systemd's EnvironmentFile read them too; `#` begins a comment. */
export type SettingsFile = { values: Record<string, string | undefined>; problems: string[] }

const maxBytes = 64 * 1024
const line = /^\s*(?:#.*|(?:export\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=.*)?$/

/** @param required whether it is a problem when there is no such file */
export function readSettingsFile(path: string, required: boolean): SettingsFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8').replace(/^\uFEFF/, '')
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT'
    if (missing && !required) return { values: {}, problems: [] }
    return { values: {}, problems: [`${path} cannot be read (${missing ? 'there is no such file' : String(error)}).`] }
  }
  if (text.length > maxBytes)
    return { values: {}, problems: [`${path} is larger than ${maxBytes / 1024} KiB: it cannot be a list of settings.`] }
  // parseEnv passes over lines it does not understand; a person who wrote one wants to know.
  const odd = text
    .split(/\r?\n/)
    .flatMap((each, index) => (line.test(each) ? [] : [`${path}:${index + 1}: write NAME=value, or # and a comment.`]))
  return { values: parseEnv(text), problems: odd }
}
