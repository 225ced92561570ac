import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildBundle } from '../src/cli/testing/run-cli.ts'
import { startScriptedController } from '../src/cli/testing/scripted-controller.ts'

const root = join(import.meta.dirname, '..')
let project: string

/** A project that has installed the package as it would be published. */
beforeAll(() => {
  buildBundle()
  project = mkdtempSync(join(tmpdir(), 'holdfast-client-'))
  const installed = join(project, 'node_modules', 'holdfast')
  mkdirSync(installed, { recursive: true })
  const packed = run('npm', ['pack', '--json', '--pack-destination', project], root)
  const [{ filename }] = JSON.parse(packed) as [{ filename: string }]
  run('tar', ['-xzf', join(project, filename), '-C', installed, '--strip-components=1'], project)
  // The one dependency that its types need.
  symlinkSync(join(root, 'node_modules', 'zod'), join(project, 'node_modules', 'zod'))
  writeFileSync(join(project, 'package.json'), '{ "type": "module" }')
}, 180_000)
afterAll(() => rmSync(project, { recursive: true, force: true }))

const example = () => {
  const page = readFileSync(join(root, 'docs', 'api.md'), 'utf8')
  return /```ts\n(.*?)```/s.exec(page)?.[1] ?? ''
}

it('type checks the example of docs/api.md, and refuses what the API has not', () => {
  writeFileSync(join(project, 'good.ts'), example())
  expect(typesOf('good.ts')).toBe('')
  writeFileSync(join(project, 'bad.ts'), example().replace('lagMs', 'lagMinutes'))
  expect(typesOf('bad.ts')).toContain("'lagMinutes' does not exist")
}, 60_000)

it('runs the example against a controller', async () => {
  const controller = await startScriptedController({ stateDir: join(project, 'state') })
  try {
    const { outputText } = await compiled()
    writeFileSync(join(project, 'example.js'), outputText)
    const shown = await runExample({
      HOLDFAST_URL: controller.url,
      HOLDFAST_TOKEN: controller.token,
    })
    expect(shown).toMatch(/^fraud: 90 s behind/m)
    expect(shown).toContain('model/m0/1: Too many requests.')
    // More than a page: the cursor was followed.
    expect(shown).toContain('model/m23/1: Too many requests.')
  } finally {
    await controller.close()
  }
}, 60_000)

function typesOf(file: string): string {
  const tsc = join(root, 'node_modules', 'typescript', 'bin', 'tsc')
  const types = ['--types', 'node', '--typeRoots', join(root, 'node_modules', '@types')]
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2023', ...types]
  return spawnSync(process.execPath, [tsc, ...options, file], { cwd: project, encoding: 'utf8' })
    .stdout
}

async function compiled(): Promise<{ readonly outputText: string }> {
  const { transform } = await import('esbuild')
  const { code } = await transform(example(), { loader: 'ts' })
  return { outputText: code }
}

async function runExample(env: Record<string, string>): Promise<string> {
  const { execFile } = await import('node:child_process')
  const { promisify } = await import('node:util')
  const { stdout } = await promisify(execFile)(process.execPath, ['example.js'], {
    cwd: project,
    env: { ...process.env, ...env },
  })
  return stdout
}

function run(command: string, args: readonly string[], cwd: string): string {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${command} ended with ${status}: ${stderr}`)
  return stdout
}
