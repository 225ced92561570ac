// Installs and builds when they are stale, with nothing but Node: `npm start` and `npm test` work on
// a fresh clone without a prior `npm install`.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, lstatSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isInstalled } from './installed.mjs'

export const root = fileURLToPath(new URL('..', import.meta.url))

function run(title, command, args) {
  const started = Date.now()
  process.stderr.write(`holdfast: ${title} …\n`)
  const result = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: false })
  if (result.status !== 0) {
    process.stderr.write(
      `holdfast: ${title} failed (${command} ${args.join(' ')}). Its output is above.\n`,
    )
    process.exit(result.status ?? 1)
  }
  process.stderr.write(
    `holdfast: ${title} done in ${((Date.now() - started) / 1000).toFixed(1)} s\n`,
  )
}

function newest(dir) {
  let latest = 0
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (entry.name === 'node_modules' || entry.name === 'dist') continue
    const path = join(dir, entry.name)
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs)
  }
  return latest
}

export function ensureInstalled() {
  // A link belongs to another checkout, and `npm ci` would empty what it leads to.
  if (lstatSync(join(root, 'node_modules'), { throwIfNoEntry: false })?.isSymbolicLink()) return
  // Some npm may write its note in another way; then ours keeps it from installing every time.
  const stamp = join(root, 'node_modules', '.holdfast-lock')
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex')
  if (isInstalled(root) || (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock)) return
  run('installing dependencies', process.platform === 'win32' ? 'npm.cmd' : 'npm', [
    'ci',
    '--no-audit',
    '--no-fund',
    '--engine-strict',
    '--loglevel=error',
  ])
  if (!isInstalled(root)) writeFileSync(stamp, lock)
}

export function ensureBuilt() {
  const built = join(root, 'dist', '.built')
  const sources = Math.max(
    newest(join(root, 'src')),
    newest(join(root, 'web')),
    newest(join(root, 'scripts')),
    statSync(join(root, 'package.json')).mtimeMs,
  )
  if (existsSync(built) && statSync(built).mtimeMs >= sources) return
  run('building', process.execPath, [join(root, 'scripts', 'build.mjs')])
}

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `holdfast: Node 20.19 or later is needed; this is ${process.versions.node}.\n`,
  )
  process.exit(1)
}
