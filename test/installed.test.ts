import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isInstalled } from '../scripts/installed.mjs'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-installed-'))
  mkdirSync(join(folder, 'node_modules'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const zod = { version: '4.6.7', integrity: 'sha512-a' }
const ours = { version: '1.0.0', optional: true, os: [process.platform], cpu: [process.arch] }
const theirs = { ...ours, os: ['elsewhere'] }
const lock = { '': { name: 'holdfast' }, 'node_modules/zod': zod, 'node_modules/theirs': theirs }

function write(locked: object, installed: object | undefined): void {
  const text = (packages: object) => JSON.stringify({ lockfileVersion: 3, packages })
  writeFileSync(join(folder, 'package-lock.json'), text(locked))
  if (installed !== undefined)
    writeFileSync(join(folder, 'node_modules', '.package-lock.json'), text(installed))
}

describe('what is installed', () => {
  it('is what the lock names, without the packages of other platforms', () => {
    write(lock, { 'node_modules/zod': zod })
    expect(isInstalled(folder)).toBe(true)
  })

  it.each([
    ['npm noted no whole install', lock, undefined],
    ['a package is missing', lock, {}],
    ['a version differs', lock, { 'node_modules/zod': { ...zod, version: '4.6.6' } }],
    ['one is too many', lock, { 'node_modules/zod': zod, 'node_modules/more': zod }],
    [
      'an optional one of this platform is missing',
      { ...lock, 'node_modules/ours': ours },
      { 'node_modules/zod': zod },
    ],
  ])('is stale when %s', (_why, locked, installed) => {
    write(locked, installed)
    expect(isInstalled(folder)).toBe(false)
  })
})
