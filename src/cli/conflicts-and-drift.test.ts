import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { buildBundle, runCli } from './testing/run-cli.ts'
import { type ScriptedController, startScriptedController } from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController
beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-conflicts-'))
  controller = await startScriptedController({ stateDir: join(dir, '.holdfast') })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})
const command = (...args: string[]) => runCli(args, { cwd: dir })
const run = (...args: string[]) => command('conflicts', ...args)
const resolve = (...args: string[]) => run('resolve', 'model/b/1', '--keep', 'east', ...args)

it('lists conflicts with what differs and who changed it, and says so to scripts', async () => {
  const { code, stdout } = await run()
  expect(code).toBe(3)
  for (const part of ['model/b/1', 'ann', 'bob', 'tags.stage', 'hers', 'his', 'EAST', 'WEST'])
    expect(stdout).toContain(part)
  expect(stdout).toContain('--keep east|west|both')
  const json = await run('--json')
  expect(JSON.parse(json.stdout)).toMatchObject({ items: [{ object: 'model/b/1' }] })
})

it('decides only when asked to: not in a dry run, and not without a yes', async () => {
  expect((await resolve('--dry-run')).code).toBe(0)
  expect((await resolve()).code).toBe(4)
  expect((await run()).code).toBe(3)
  const done = await resolve('--yes', '--json')
  expect(done.code).toBe(0)
  expect(JSON.parse(done.stdout)).toMatchObject({ keep: 'source', dryRun: false })
  expect((await run()).code).toBe(0)
})

it('refuses what is no conflict, and a side that is none', async () => {
  expect((await run('resolve', 'model/x/1', '--keep', 'source', '--yes')).code).toBe(4)
  const nobody = await run('resolve', 'model/b/1', '--keep', 'nobody', '--yes')
  expect(nobody.stderr).toContain('conflict.unknown-side')
  expect((await run('resolve', 'model/b/1')).code).toBe(2)
})

it('goes on listing what was decided to stay apart, and asks for nothing any more', async () => {
  expect((await run('resolve', 'model/b/1', '--keep', 'both', '--yes')).code).toBe(0)
  const { code, stdout } = await run()
  expect(code).toBe(0)
  expect(stdout).toContain('both keep their own')
  expect(stdout).not.toContain('Decide:')
})

it('shows what resolutions put aside', async () => {
  const { stdout } = await run('kept', 'model/b/1', '--json')
  expect(JSON.parse(stdout).items[0].body.properties.tags.stage).toBe('hers')
})

it('shows one of them without what is sealed, and writes that to a file of its owner only', async () => {
  const shown = await run('kept', 'show', '0123')
  expect(shown.stdout).toContain('hers')
  expect(shown.stdout).toContain('[sealed]')
  const written = await run('kept', 'show', '0123', '--out', 'lost.json')
  expect(written.stdout + written.stderr).not.toContain('opened')
  const file = join(dir, 'lost.json')
  expect(JSON.parse(readFileSync(file, 'utf8')).properties.environmentVariables.TOKEN).toBe(
    'opened',
  )
  expect(statSync(file).mode & 0o777).toBe(0o600)
  expect((await run('kept', 'show', '0123', '--out', 'lost.json')).stderr).toContain(
    'usage.out-file',
  )
  expect((await run('kept', 'show', 'ff')).stderr).toContain('kept.not-found')
  const { items } = JSON.parse((await command('audit', '--json')).stdout)
  expect(items).toContainEqual(
    expect.objectContaining({
      ...{ action: 'request.open-kept' },
      details: { object: 'model/b/1', id: '0123456789abcdef' },
    }),
  )
})

it('says with 3 that there is drift, and mends it only when told to', async () => {
  const looked = await command('drift', '--json')
  expect(looked.code).toBe(3)
  expect(JSON.parse(looked.stdout).totals).toEqual({ high: 1, medium: 0, low: 0 })
  expect((await command('drift')).stdout).toContain('Not compared: quotas.')
  expect((await command('drift', '--fix')).code).toBe(4)
  expect(controller.started).toEqual([])
})
