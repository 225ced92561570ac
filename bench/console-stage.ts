import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ApiClient, createClient } from '../src/api/client.ts'
import { type ProcessUse, processUse } from '../src/region/testing/process-use.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../test/faults/protected-pair.ts'

/** Two regions and one group whose controller is a process of its own, as users have it. */
export interface ConsoleStage {
  readonly pair: RegionPair
  readonly group: ProtectedPair
  readonly api: ApiClient
  readonly served: { readonly url: string; readonly token: string }
  /** Memory and processor time of the controller, without its database; undefined off Linux. */
  controller(): ProcessUse | undefined
  end(): Promise<void>
}

/** `fill` gets the state directory while no controller uses it. */
export async function setConsoleStage(
  dir: string,
  fill?: (stateDir: string) => Promise<void>,
): Promise<ConsoleStage> {
  const pair = await startRegionPair(join(dir, 'pair'))
  try {
    const group = await createProtectedPair(pair, 'bench')
    const where = ['--plan', group.planFile, '--state', group.stateDir]
    const { code, stderr } = await pair.processes.run(['sync', ...where])
    if (code !== 0) throw new Error(`the group could not be protected: ${stderr}`)
    await fill?.(group.stateDir)
    await pair.processes.start('controller', [
      ...['controller', ...where, '--listen', '127.0.0.1:0', '--sync-every', '1h'],
      ...['--exit-with-parent', '--json'],
    ])
    const note: unknown = JSON.parse(readFileSync(join(group.stateDir, 'controller.json'), 'utf8'))
    const served = note as { url: string; token: string; pid: number }
    return {
      ...{ pair, group, served },
      api: createClient(served),
      controller: () => processUse(served.pid),
      end: async () => {
        await group.stopGateway()
        await pair.processes.stopAll()
      },
    }
  } catch (error) {
    await pair.processes.stopAll()
    throw error
  }
}
