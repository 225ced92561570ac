import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { buildBundle, runCli } from './testing/run-cli.ts'
import {
  at,
  doneSteps,
  type ScriptedController,
  startScriptedController,
} from './testing/scripted-controller.ts'

let dir: string
let controller: ScriptedController
let outcome: 'complete' | 'partial'
beforeAll(buildBundle, 120_000)
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'holdfast-verify-'))
  controller = await startScriptedController({
    stateDir: join(dir, '.holdfast'),
    onStart: (started) =>
      started.advance({ status: 'done', steps: doneSteps, endedAt: at(2), outcome }),
  })
})
afterEach(async () => {
  await controller.close()
  rmSync(dir, { recursive: true, force: true })
})
const run = (...args: string[]) => runCli(['verify', ...args], { cwd: dir })

it('asks for what the options say, and ends with 3 when something differs', async () => {
  outcome = 'complete'
  expect((await run('--full', '--kind', 'blob')).code).toBe(0)
  outcome = 'partial'
  const { code, stdout } = await run('--sample', '2%', '--json')
  expect(code).toBe(3)
  expect(JSON.parse(stdout)).toMatchObject({ operation: { type: 'verify' }, different: [] })
  expect(controller.started.map(({ request }) => request.verify)).toEqual([
    { share: 1, kind: 'blob' },
    { share: 0.02 },
  ])
})

it.each([
  [],
  ['--sample', '0%'],
  ['--sample', '200%'],
  ['--sample', 'x'],
  ['--full', '--sample', '2%'],
])('calls %j %j %j a usage error', async (...args) => {
  const given = args.filter((each): each is string => typeof each === 'string')
  expect((await run(...given)).code).toBe(2)
  expect(controller.started).toEqual([])
})
