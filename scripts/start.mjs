import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureBuilt, ensureInstalled, root } from './bootstrap.mjs'

ensureInstalled()
ensureBuilt()
const child = spawn(
  process.execPath,
  [join(root, 'dist', 'holdfast.js'), 'demo', ...process.argv.slice(2)],
  { stdio: 'inherit' },
)
// The terminal sends Ctrl-C to the child as well; the child cleans up, this process only waits.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'])
  process.on(signal, () => signal !== 'SIGINT' && child.kill(signal))
child.on('exit', (code, signal) => process.exit(signal ? 130 : (code ?? 1)))
