import type { Effective } from './load.ts'
import { type Facts, factsOf, settingNames, settings } from './schema.ts'

/** A value as a person may see it: of a secret no more than that it is there, of a database address all but its password. */
export function shownValue({ name, text }: Pick<Effective, 'name' | 'text'>): string | null {
  if (text === null || !factsOf.get(settings.shape[name])?.secret) return text
  return name === 'DATABASE_URL' && URL.canParse(text) ? withoutSecrets(new URL(text)) : '[hidden]'
}

/** Also of query parameters, for `?password=…` works too, only the names are shown. */
function withoutSecrets(url: URL): string {
  const credentials = url.username === '' ? '' : `${url.username}${url.password === '' ? '' : ':[hidden]'}@`
  const parameters = [...url.searchParams.keys()].map((key) => `${key}=[hidden]`).join('&')
  return `${url.protocol}//${credentials}${url.host}${url.pathname}${parameters === '' ? '' : `?${parameters}`}`
}

/** The settings in force, one a line: name, value, and where it came from. */
export const effectiveText = (effective: readonly Effective[]): string => {
  const rows = effective.map((each) => [each.name, shownValue(each) ?? '-', each.source] as const)
  const width = (column: 0 | 1) => Math.max(...rows.map((row) => row[column].length))
  const [names, values] = [width(0), width(1)]
  return rows.map(([name, value, source]) => `${name.padEnd(names)}  ${value.padEnd(values)}  ${source}`).join('\n')
}

/** docs/settings.md. */
export function settingsMarkdown(): string {
  const all = settingNames.map((name) => ({ name, facts: factsOf.get(settings.shape[name]) ?? noFacts }))
  const parts = [...new Set(all.map(({ facts }) => facts.part))]
  const sections = parts.map((part) => {
    const rows = all.filter(({ facts }) => facts.part === part).map(({ name, facts }) => row(name, facts))
    return [`## ${part}`, '', '| Name | What to write | Default | What it does |', '|---|---|---|---|', ...rows, ''].join('\n')
  })
  return [introduction, ...sections].join('\n')
}

const noFacts: Facts = { part: '', unit: '', standard: null, help: '' }

const row = (name: string, { unit, standard, help, secret, only }: Facts): string => {
  const notes = [only && `Only in ${only} mode.`, secret && 'Secret.'].filter((note) => note !== undefined)
  return `| \`${name}\` | ${unit} | ${standard === null ? 'none' : `\`${standard}\``} | ${[help, ...notes].join(' ')} |`
}

const introduction = `# Settings

<!-- Generated from config/schema.ts by \`multimail config --markdown\`; a test checks that it is current. -->

A setting is read from the environment; else from the file \`config/multimail.env\` (or the one that \`MULTIMAIL_CONFIG_FILE\` names), which has lines
of \`NAME=value\`; else it has its default. \`multimail config\` prints what is in force and where it came from. Whatever is wrong is listed at once, and the server does
not start. A duration is a number with \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`; a size is a number with \`B\`, \`KiB\` or \`MiB\`. The container image sets other
defaults for the addresses, the mail port and the data folder; its \`Dockerfile\` lists them.

There are two modes. With \`MULTIMAIL_HOSTNAME\` the server is in **server mode** and handles real mail. Without, it is in **local mode**: it listens
on the loopback interface only, asks no DNS server, and hands all leaving mail to a small receiving server of its own, so that nothing can reach the
internet by accident. Settings that would break that are refused.
`
