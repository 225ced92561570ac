import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

/**
 * Path of a program that a Debian package brings; undefined when it is not here and cannot be
 * installed. Only where tests run by themselves (CI) and as root is it installed: nobody's own
 * machine is changed by running tests.
 */
export function debianProgram(name: string, debianPackage: string): string | undefined {
  const found = find(name)
  if (found !== undefined || process.env.CI === undefined || process.getuid?.() !== 0) return found
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  spawnSync('apt-get', ['update', '-qq'], { env, timeout: 60_000 })
  const install = ['install', '-y', '-qq', '--no-install-recommends', debianPackage]
  spawnSync('apt-get', install, { env, timeout: 120_000 })
  return find(name)
}

function find(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin']
  return folders.map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
}
