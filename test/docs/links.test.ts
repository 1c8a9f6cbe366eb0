/** What a page or a comment points at is there. */
import { access, glob, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'

const root = join(import.meta.dirname, '..', '..')
const pages = await files('*.md', 'docs/**/*.md')
const sources = await files('{config,dns,server,scripts,test}/**/*.{ts,mjs}', 'Dockerfile', 'docker-compose.yml')

describe('every page', () => {
  it.each(pages)('%s links to what is there', async (page) => {
    const targets = [...(await textOf(page)).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)].map(([, target]) => target ?? '')
    expect(await missing(targets.filter((target) => !/^[a-z]+:/.test(target)).map((target) => join(dirname(page), target)))).toEqual([])
  })

  it.each(pages)('%s names files that are there', async (page) => {
    const named = [...(await textOf(page)).matchAll(/`((?:config|dns|server|scripts|test|docs)\/[\w./-]+)`/g)].map(([, path]) => path ?? '')
    // The operator writes this one.
    expect(await missing(named.filter((path) => path !== 'config/multimail.env'))).toEqual([])
  })
})

it('every page that the source cites is there', async () => {
  const cited = await Promise.all(
    sources.map(async (file) => [...(await textOf(file)).matchAll(/\bdocs\/[\w./-]+\.md\b/g)].map(([path]) => path)),
  )
  expect(await missing([...new Set(cited.flat())])).toEqual([])
})

async function files(...patterns: string[]): Promise<string[]> {
  const found: string[] = []
  for await (const file of glob(patterns, { cwd: root })) found.push(file)
  return found.toSorted()
}

const textOf = (file: string): Promise<string> => readFile(join(root, file), 'utf8')

async function missing(paths: readonly string[]): Promise<string[]> {
  const looked = await Promise.all(
    paths.map((path) =>
      access(join(root, path)).then(
        () => [],
        () => [path],
      ),
    ),
  )
  return looked.flat()
}
