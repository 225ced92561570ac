import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { readSavedPlan, refuseChanged } from './saved-plan.ts'
import { buildBundle, runCli } from './testing/run-cli.ts'
import {
  at,
  doneSteps,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController
beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-saved-plan-'))
  controller = await startScriptedController({
    stateDir: join(dir, '.holdfast'),
    onStart: (started) =>
      started.advance({ status: 'done', steps: doneSteps, endedAt: at(2), outcome: 'complete' }),
  })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})
const run = (...args: string[]) => runCli(args, { cwd: dir })
const file = () => join(dir, 'p.json')

it('is applied with its digest and epoch, so that the controller can refuse another one', async () => {
  expect((await run('plan', '--out', 'p.json')).code).toBe(0)
  expect((await run('sync', '--apply', 'p.json')).code).toBe(0)
  const { digest } = readSavedPlan(file())
  expect(controller.started.map(({ request }) => request)).toMatchObject([
    { planDigest: digest, expectedEpoch: 4, full: false },
  ])
})

it('is refused when it was edited, or is no plan, or is not there', async () => {
  await run('plan', '--out', 'p.json')
  const text = readFileSync(file(), 'utf8')
  writeFileSync(file(), text.replaceAll('model/a/1', 'model/z/1'))
  expect((await run('sync', '--apply', 'p.json')).code).toBe(2)
  writeFileSync(file(), '{}')
  expect((await run('sync', '--apply', 'p.json')).code).toBe(2)
  expect((await run('sync', '--apply', 'none.json')).code).toBe(2)
  expect(controller.started).toEqual([])
})

it('is refused with what changed when the world went on', async () => {
  await run('plan', '--out', 'p.json')
  const saved = readSavedPlan(file())
  const [first, ...rest] = saved.plan.actions
  const now = { ...saved.plan, actions: [{ ...first, digest: 'other' }, ...rest] } as never
  expect(() => refuseChanged(saved, saved.plan)).not.toThrow()
  expect(() => refuseChanged(saved, now)).toThrow(
    /model\/a\/1: create -> create, with other content/,
  )
  expect(() => refuseChanged(saved, { ...saved.plan, from: 'west', to: 'east' })).toThrow(
    /from west/,
  )
})
