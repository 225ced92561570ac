import { readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { HoldfastError } from '../model/errors.ts'

/** `cloud.json` of a local region, with its paths made absolute. */
export interface CloudFile {
  readonly name: string
  readonly resourceManager: string
  readonly authority: string
  readonly tenantId: string
  /** PEM of the region's certificate authority. */
  readonly ca: string
  /** The same with the public authorities, for clients that trust one file only. */
  readonly caBundle: string
  readonly clientId: string
  readonly clientSecretFile: string
  readonly admin: string
  /** HTTP proxy that resolves the host names which Azure's clients build. */
  readonly proxy: string
}

export function readCloudFile(dataDir: string): CloudFile {
  const path = join(resolve(dataDir), 'cloud.json')
  try {
    const cloud = JSON.parse(readFileSync(path, 'utf8')) as CloudFile
    const folder = dirname(path)
    return {
      ...cloud,
      ca: resolve(folder, cloud.ca),
      caBundle: resolve(folder, cloud.caBundle),
      clientSecretFile: resolve(folder, cloud.clientSecretFile),
    }
  } catch (cause) {
    throw new HoldfastError('region.not-found', `There is no local region in ${dataDir}.`, {
      kind: 'operator',
      place: path,
      hint: `Start one: holdfast region start --name eastus --data ${dataDir}`,
      cause,
    })
  }
}

export const pidFile = (dataDir: string) => join(resolve(dataDir), 'region.pid')

/** The process that serves this data directory, as it noted itself; undefined when none is alive. */
export function regionPid(dataDir: string): number | undefined {
  let pid: number
  try {
    pid = Number(readFileSync(pidFile(dataDir), 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return Number.isInteger(pid) && pid > 1 && isAlive(pid) ? pid : undefined
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    // Somebody else's process is alive too.
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}
