// Proves the local region with Azure's official JavaScript clients, as published. They are heavy and no
// dependency of this repository: they are installed in a cache folder. Without the package registry this
// says so loudly and exits with 0, unless CI demands it.
//
//   node test/conformance/js/run.mjs [arguments for node --test]
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

const here = import.meta.dirname
const root = resolve(here, '..', '..', '..')
const cache = join(
  process.env.HOLDFAST_CACHE ?? join(homedir(), '.cache', 'holdfast'),
  'js-clients',
)

mkdirSync(cache, { recursive: true })
for (const name of readdirSync(here))
  if (name !== 'run.mjs') cpSync(join(here, name), join(cache, name))
const npm = ['install', '--no-audit', '--no-fund', '--no-progress', '--prefer-offline']
if (spawnSync('npm', npm, { cwd: cache, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0) {
  process.stderr.write(
    '\nSKIPPED: CONFORMANCE WITH THE OFFICIAL JAVASCRIPT CLIENTS WAS NOT CHECKED. The package registry is out of reach.\n\n',
  )
  process.exit(process.env.HOLDFAST_REQUIRE_CONFORMANCE ? 1 : 0)
}

const home = mkdtempSync(join(tmpdir(), 'holdfast-conformance-js-'))
const data = join(home, 'region')
const command = ['--import', 'tsx', join(root, 'src', 'cli', 'main.ts'), 'region']
const region = spawn(
  process.execPath,
  [...command, 'start', '--name', 'eastus', '--data', data, '--json', '--exit-with-parent'],
  { cwd: root, stdio: ['pipe', 'pipe', 'inherit'] },
)
let status = 1
try {
  await once(region.stdout, 'data')
  status = await scenarios()
} finally {
  region.kill('SIGTERM')
  if (region.exitCode === null) await once(region, 'exit')
  rmSync(home, { recursive: true, force: true })
}
process.exit(status)

/** Everything a client knows of the region comes from what `region env` prints. */
async function scenarios() {
  const env = [...command, 'env', '--data', data, '--json']
  const printed = execFileSync(process.execPath, env, { cwd: root, encoding: 'utf8' })
  const { clientSecretFile, ...variables } = JSON.parse(printed)
  const files = readdirSync(cache).filter((name) => name.endsWith('.test.mjs'))
  const args = [
    '--test',
    '--test-concurrency=1',
    '--test-timeout=120000',
    ...process.argv.slice(2),
    ...files,
  ]
  const tests = spawn(process.execPath, args, {
    cwd: cache,
    stdio: 'inherit',
    env: {
      ...process.env,
      ...variables,
      AZURE_CLIENT_SECRET: readFileSync(clientSecretFile, 'utf8').trim(),
    },
  })
  const [code] = await once(tests, 'exit')
  return code ?? 1
}
