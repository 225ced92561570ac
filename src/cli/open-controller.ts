import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { AccessOptions } from '../controller/access/open-access.ts'
import type { ListenAddress } from '../controller/http/public-address.ts'
import { type RunningController, startController } from '../controller/start-controller.ts'
import { loadPlan } from '../plan/load-plan.ts'
import { logTo } from './log.ts'
import { version } from './version.ts'

export interface OpenController {
  /** Plan file. */
  readonly plan: string
  readonly stateDir: string
  readonly listen: ListenAddress
  readonly publicUrl?: string
  /** Default: the keys of the state directory and service tokens, no identity provider. */
  readonly access?: AccessOptions
  readonly syncEveryMs: number | null
  /** Default: an hour. */
  readonly reconcileEveryMs?: number
  readonly probeEveryMs: number
  readonly logLevel: string
  /** Of a command that opens it for itself. */
  readonly command?: string
}

export async function openController(options: OpenController): Promise<RunningController> {
  const plan = await loadPlan(options.plan)
  const databaseUrl = process.env.HOLDFAST_DATABASE_URL
  return startController({
    plan,
    stateDir: options.stateDir,
    ...(databaseUrl === undefined ? {} : { databaseUrl }),
    ...(options.command === undefined ? {} : { command: options.command }),
    listen: options.listen,
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    access: options.access ?? { rules: [] },
    syncEveryMs: options.syncEveryMs,
    reconcileEveryMs: options.reconcileEveryMs ?? 3_600_000,
    probeEveryMs: options.probeEveryMs,
    consoleDir: consoleDir(),
    version: version(),
    clock: () => new Date(),
    log: logTo(options.logLevel),
  })
}

/** Beside the bundle; from source, the console of the last build. */
function consoleDir(): string {
  const here = fileURLToPath(new URL('.', import.meta.url))
  return here.endsWith(join('src', 'cli', ''))
    ? join(here, '..', '..', 'dist', 'web')
    : join(here, 'web')
}
