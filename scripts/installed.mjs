import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'

/**
 * Whether what stands in `node_modules` is what the lock names, whoever installed it: npm notes
 * there, when an install is whole, the entries of the lock that it followed.
 */
export function isInstalled(folder) {
  const note = join(folder, 'node_modules', '.package-lock.json')
  if (!existsSync(note)) return false
  const installed = packagesIn(note)
  const { '': _ours, ...wanted } = packagesIn(join(folder, 'package-lock.json'))
  const paths = new Set([...Object.keys(wanted), ...Object.keys(installed)])
  return [...paths].every((path) =>
    path in installed
      ? isDeepStrictEqual(installed[path], wanted[path])
      : mayBeMissing(wanted[path]),
  )
}

const packagesIn = (path) => JSON.parse(readFileSync(path, 'utf8')).packages

/**
 * Packages of other platforms are left out, with what they alone need; which C library this one has,
 * npm alone knows.
 */
function mayBeMissing({ optional, os, cpu, libc }) {
  if (!optional) return false
  const isOfPlatforms = os !== undefined || cpu !== undefined
  return (
    !isOfPlatforms ||
    libc !== undefined ||
    !isFor(os, process.platform) ||
    !isFor(cpu, process.arch)
  )
}

const isFor = (names, ours) => names === undefined || names.includes(ours)
