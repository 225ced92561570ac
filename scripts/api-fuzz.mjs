// Every operation of the controller's own OpenAPI document, called with good and bad input by
// schemathesis, against a real controller and two local regions. Needs Python 3.9 or later and its
// package registry; without them it says so loudly and exits with 0, unless CI demands it.
//
//   npm run test:api-fuzz                   a short look
//   npm run test:api-fuzz -- --examples 200 as many calls to each operation, in each way of making them
//   npm run test:api-fuzz -- --seed 7       the calls of that seed again
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'
import { pythonEnvironment } from './python-environment.mjs'

ensureInstalled()
ensureBuilt()
const tests = join(root, 'test', 'api-fuzz')
const python = pythonEnvironment({
  folder: join(process.env.HOLDFAST_CACHE ?? join(homedir(), '.cache', 'holdfast'), 'api-fuzz'),
  requirements: join(tests, 'requirements.txt'),
})
if (python === undefined) {
  process.stderr.write('\nSKIPPED: THE API WAS NOT FUZZED. See above for what is missing.\n\n')
  process.exit(process.env.HOLDFAST_REQUIRE_CONFORMANCE ? 1 : 0)
}
const child = spawn(
  process.execPath,
  ['--import', 'tsx', join(tests, 'main.ts'), '--python', python, ...process.argv.slice(2)],
  { stdio: 'inherit', cwd: root },
)
const [code] = await once(child, 'exit')
process.exit(code ?? 1)
