import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ApiClient, createClient } from '../../src/api/client.ts'
import {
  createProtectedPair,
  type ProtectedPair,
  type RegionPair,
  startRegionPair,
} from '../faults/protected-pair.ts'

/** A protected pair with a controller whose console can be opened: two real regions behind it. */
export interface Story {
  readonly pair: RegionPair
  readonly group: ProtectedPair
  readonly api: ApiClient
  /** Signs a browser in, once; a new one for each browser. */
  consoleLink(): Promise<string>
  end(): Promise<void>
}

export async function beginStory(group = 'fraud'): Promise<Story> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-console-'))
  const pair = await startRegionPair(folder)
  const protectedPair = await createProtectedPair(pair, group)
  await pair.processes.start('controller', [
    ...['controller', '--plan', protectedPair.planFile, '--state', protectedPair.stateDir],
    ...['--listen', '127.0.0.1:0', '--sync-every', '1s', '--probe-every', '300ms'],
    ...['--exit-with-parent', '--json'],
  ])
  const note = readFileSync(join(protectedPair.stateDir, 'controller.json'), 'utf8')
  const api = createClient(JSON.parse(note))
  return {
    pair,
    group: protectedPair,
    api,
    consoleLink: () => api.consoleLink(),
    end: async () => {
      await protectedPair.stopGateway()
      await pair.processes.stopAll()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
