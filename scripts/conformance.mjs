// Proves the local region with Azure's official clients, as published. Needs Python 3.9 or later and
// the package registry; without them it says so loudly and exits with 0, unless CI demands it.
//
//   npm run test:conformance                      every scenario
//   npm run test:conformance -- --short           the quick ones
//   npm run test:conformance -- --corpus FOLDER   every specification of a folder
//   npm run test:conformance -- --exported FOLDER every file of an export, loaded as it is
//   npm run test:conformance -- --latest          the newest packages instead of the pinned ones
//   npm run test:conformance -- -- -k models      arguments for pytest
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'
import { pythonEnvironment } from './python-environment.mjs'

const scenarios = join(root, 'test', 'conformance', 'python')
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    short: { type: 'boolean', default: false },
    corpus: { type: 'string' },
    exported: { type: 'string' },
    latest: { type: 'boolean', default: false },
    report: { type: 'string' },
  },
})

ensureInstalled()
const cache = process.env.HOLDFAST_CACHE ?? join(homedir(), '.cache', 'holdfast')
const python = pythonEnvironment({
  folder: join(cache, values.latest ? 'conformance-latest' : 'conformance'),
  requirements: join(scenarios, 'requirements.txt'),
  latest: values.latest,
})
if (python === undefined) {
  process.stderr.write(
    '\nSKIPPED: CONFORMANCE WITH THE OFFICIAL PYTHON CLIENTS WAS NOT CHECKED. See above for what is missing.\n\n',
  )
  process.exit(process.env.HOLDFAST_REQUIRE_CONFORMANCE ? 1 : 0)
}

if (values.exported !== undefined) {
  const load = [join(scenarios, 'load_exported.py'), resolve(values.exported)]
  const env = { ...process.env, PYTHONDONTWRITEBYTECODE: '1' }
  process.exit(spawnSync(python, load, { stdio: 'inherit', env }).status ?? 1)
}

ensureBuilt()
const home = mkdtempSync(join(tmpdir(), 'holdfast-conformance-'))
const region = await startRegion(join(home, 'region'))
let status = 1
try {
  status = run(values.corpus ? corpusCommand(values.corpus) : scenarioCommand())
} finally {
  region.kill('SIGTERM')
  if (region.exitCode === null) await once(region, 'exit')
  rmSync(home, { recursive: true, force: true })
}
process.exit(status)

function scenarioCommand() {
  const choice = values.short ? ['-m', 'short'] : []
  return ['-m', 'pytest', ...choice, ...positionals]
}

function corpusCommand(folder) {
  const report = values.report ? ['--report', resolve(values.report)] : []
  return ['corpus.py', resolve(folder), ...report]
}

/** Everything a client knows of the region comes from what `region env` prints. */
function run(args) {
  const { clientSecretFile, ...variables } = JSON.parse(
    holdfast(['region', 'env', '--data', join(home, 'region'), '--shell', 'json']),
  )
  const isWhole = !values.short && positionals.length === 0
  const result = spawnSync(python, args, {
    cwd: scenarios,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...variables,
      AZURE_CLIENT_SECRET: readFileSync(clientSecretFile, 'utf8').trim(),
      PYTHONDONTWRITEBYTECODE: '1',
      HOME: home,
      TMPDIR: home,
      HOLDFAST_CONFORMANCE: isWhole ? 'full' : 'part',
    },
  })
  return result.status ?? 1
}

async function startRegion(data) {
  const child = spawn(
    process.execPath,
    [cli(), 'region', 'start', '--name', 'eastus', '--data', data, '--exit-with-parent', '--json'],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  )
  await Promise.race([
    once(child.stdout, 'data'),
    once(child, 'exit').then(() => {
      throw new Error('the region did not start; its output is above')
    }),
  ])
  return child
}

function holdfast(args) {
  const result = spawnSync(process.execPath, [cli(), ...args], { encoding: 'utf8' })
  if (result.status !== 0) throw new Error(result.stderr)
  return result.stdout
}

function cli() {
  return join(root, 'dist', 'holdfast.js')
}
