/** The disk of power-cut.test.ts is as forgetful as it should be: otherwise that test would prove nothing. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type ForgetfulDisk, createForgetfulDisk, noCompiler } from '../support/power-cut/disk.ts'
import { createScratch } from '../support/scratch.ts'

describe.skipIf(noCompiler())('a disk that forgets', () => {
  let place: Awaited<ReturnType<typeof createScratch>>
  let disk: ForgetfulDisk
  const folder = (): string => join(place.path, 'data')

  beforeAll(async () => {
    place = await createScratch('forgetful')
    mkdirSync(folder())
    disk = createForgetfulDisk(folder(), place.path)
  })
  afterAll(() => place.remove())

  /** Runs a program in the folder, which then has lost its power. @returns what is there now */
  function after(program: string): { [name: string]: string } {
    disk.settle()
    execFileSync(process.execPath, ['-e', `const fs = require('node:fs'); ${program}`], { cwd: folder(), env: disk.env })
    disk.cutPower({ names: 'synced', blocks: 0 }, () => 0)
    return Object.fromEntries(readdirSync(folder()).map((name) => [name, readFileSync(join(folder(), name), 'utf8')]))
  }
  const write = (name: string): string => `const ${name} = fs.openSync('${name}', 'a'); fs.writeSync(${name}, '${name} ');`
  const sync = (name: string): string => `fs.fsyncSync(${name});`
  const syncFolder = `fs.fsyncSync(fs.openSync('.', 'r'));`

  it('loses a file whose name was not synced, and the content of one whose content was not', () => {
    expect(after(write('a') + sync('a'))).toEqual({})
    expect(after(write('a') + syncFolder)).toEqual({ a: '' })
    expect(after(write('a') + sync('a') + syncFolder)).toEqual({ a: 'a ' })
  })

  it('keeps what there was before, and of a change only what was synced', () => {
    expect(after(write('a'))).toEqual({ a: 'a ' })
    expect(after(write('a') + sync('a') + write('b'))).toEqual({ a: 'a a ' })
    expect(after(`fs.renameSync('a', 'c')`)).toEqual({ a: 'a a ' })
    expect(after(`fs.renameSync('a', 'c'); ${syncFolder}`)).toEqual({ c: 'a a ' })
  })

  it('keeps the commit of a database that waits for the disk, and not of one that does not', () => {
    const commit = (synchronous: string): string => `
      const db = require('${join(import.meta.dirname, '../../node_modules/better-sqlite3')}')('test.db')
      db.pragma('journal_mode = wal'); db.pragma('synchronous = ${synchronous}')
      db.exec('create table if not exists t (x)'); db.exec("insert into t values ('${synchronous}')")
      process.kill(process.pid, 'SIGKILL')`
    const look = `const db = require('${join(import.meta.dirname, '../../node_modules/better-sqlite3')}')('test.db')
      process.stdout.write(JSON.stringify(db.prepare('select x from t').all().map(({ x }) => x)))`
    const rowsAfter = (synchronous: string): unknown => {
      disk.settle()
      expect(() => execFileSync(process.execPath, ['-e', commit(synchronous)], { cwd: folder(), env: disk.env })).toThrow('SIGKILL')
      disk.cutPower({ names: 'synced', blocks: 0 }, () => 0)
      return JSON.parse(execFileSync(process.execPath, ['-e', look], { cwd: folder(), encoding: 'utf8' }))
    }
    expect(rowsAfter('FULL')).toEqual(['FULL'])
    expect(rowsAfter('OFF')).toEqual(['FULL'])
  })
})
