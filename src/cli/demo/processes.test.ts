import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { buildBundle } from '../testing/run-cli.ts'
import { Processes } from './processes.ts'

let folder: string
beforeAll(buildBundle, 120_000)
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'holdfast-processes-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

it('tells why a region could not start, in its own words', async () => {
  const entry = resolve(import.meta.dirname, '..', '..', '..', 'dist', 'holdfast.js')
  const processes = new Processes({ folder, logs: folder, entry, env: process.env })
  writeFileSync(join(folder, 'eastus'), '')
  const args = ['region', 'start', '--name', 'eastus', '--data', 'eastus', '--json']
  await expect(processes.start('eastus', [...args, '--exit-with-parent'])).rejects.toMatchObject({
    ...{ code: 'region.data-dir-unusable', place: 'eastus' },
    message: expect.stringContaining('it is a file'),
  })
  await processes.stopAll()
}, 120_000)
