// Proves the local region with Azure's official JavaScript clients, as published. They are heavy and no
// dependency of this repository: they are installed in a cache folder. Without the package registry this
// says so loudly and exits with 0, unless CI demands it.
//
//   npm run test:conformance:js [-- arguments for node --test]
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, runWithRegion, skipped } from '../with-region.mjs'

const here = import.meta.dirname
const cache = cacheFolder('js-clients')

mkdirSync(cache, { recursive: true })
for (const name of readdirSync(here))
  if (name !== 'run.mjs') cpSync(join(here, name), join(cache, name))
const npm = ['install', '--no-audit', '--no-fund', '--no-progress', '--prefer-offline']
if (spawnSync('npm', npm, { cwd: cache, stdio: ['ignore', 'ignore', 'inherit'] }).status !== 0)
  skipped(
    'CONFORMANCE WITH THE OFFICIAL JAVASCRIPT CLIENTS',
    'They cannot be installed: is the package registry out of reach?',
  )

const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs'))
const limits = ['--test', '--test-concurrency=1', '--test-timeout=120000']
const args = [...limits, ...process.argv.slice(2), ...files]
process.exit(await runWithRegion(process.execPath, args, { cwd: cache }))
