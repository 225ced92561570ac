import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const oldest = [3, 9]

/**
 * A virtual environment with these packages, kept in a cache folder and made again when the list
 * changes. Returns its interpreter; undefined, with the reason on stderr, where that cannot be.
 */
export function pythonEnvironment({ folder, requirements, latest = false }) {
  const list = readFileSync(requirements, 'utf8')
  const wanted = latest ? list.replace(/==.*$/gm, '') : list
  const day = latest ? new Date().toISOString().slice(0, 10) : ''
  const digest = createHash('sha256').update(`${wanted}${day}`).digest('hex')
  const stamp = join(folder, 'holdfast-stamp')
  const python = join(folder, process.platform === 'win32' ? 'Scripts/python.exe' : 'bin/python')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === digest) return python

  const base = findPython()
  if (base === undefined) return missing(`Python ${oldest.join('.')} or later is not on the PATH.`)
  const started = Date.now()
  say(`preparing Python packages in ${folder} …`)
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  if (!succeeds(base, ['-m', 'venv', folder]))
    return missing('The venv module of Python is missing or broken.')
  const names = wanted.split('\n').filter((line) => line.trim() !== '')
  const options = ['install', '--quiet', '--disable-pip-version-check', '--retries', '1']
  if (!succeeds(python, ['-m', 'pip', ...options, ...names]))
    return missing('The packages cannot be installed: is the package registry out of reach?')
  writeFileSync(stamp, digest)
  say(`Python packages are ready after ${((Date.now() - started) / 1000).toFixed(0)} s`)
  return python
}

function findPython() {
  return ['python3', 'python'].find((name) => {
    const text = `import sys; sys.exit(0 if sys.version_info >= (${oldest.join(', ')}) else 1)`
    return spawnSync(name, ['-c', text], { stdio: 'ignore' }).status === 0
  })
}

function succeeds(command, args) {
  return spawnSync(command, args, { stdio: ['ignore', 2, 2] }).status === 0
}

function missing(reason) {
  say(reason)
  return undefined
}

function say(text) {
  process.stderr.write(`holdfast: ${text}\n`)
}
