import { readFile } from 'node:fs/promises'
import type { ApiClient } from '../../api/client.ts'
import type { Operation, Status } from '../../api/contract.ts'
import { HoldfastError } from '../../model/errors.ts'
import { onlyGroup } from '../connect.ts'
import type { SavedReport } from '../saved-report.ts'
import { pointText } from '../status-text.ts'
import { type LateWork, missingLateWork } from './late-work.ts'
import { type DemoRegions, startRegion } from './regions.ts'
import { holdfastJson, type Stage, waitFor } from './stage.ts'

export interface Return {
  readonly salvaged: readonly string[]
  readonly conflicts: readonly string[]
  readonly protection: string
  readonly effectivePrimary: string
  readonly epoch: number
}

/** Chapter 8. */
export async function bringBack(
  stage: Stage,
  { east, west }: DemoRegions,
  controller: ApiClient,
  late: LateWork,
): Promise<Return> {
  const { screen } = stage
  await startRegion(stage, east.name, east.startArgs)
  await waitFor(stage, { what: `${east.name} to be well`, timeoutMs: 60_000 }, async () => {
    const { members } = onlyGroup(await controller.status())
    return members.find(({ name }) => name === east.member)?.health === 'healthy' || undefined
  })
  screen.good(`${east.name} has power again, with everything it had acknowledged`)
  const { report } = await holdfastJson<{ operation: Operation; report: SavedReport }>(
    stage,
    ...['reprotect', '--yes'],
  )
  const { salvage } = JSON.parse(await readFile(report.json, 'utf8')) as {
    salvage: { salvaged: string[]; conflicts: { object: string }[] } | null
  }
  const { salvaged = [], conflicts = [] } = salvage ?? {}
  for (const object of salvaged) screen.good(`salvaged ${object}`)
  for (const { object } of conflicts)
    screen.bad(`both sides have their own ${object}; both are kept`)
  const missing = await missingLateWork(west, late)
  if (missing.length > 0)
    throw new HoldfastError('demo.not-salvaged', `Not in westus: ${missing.join(', ')}`)
  screen.good('what was written in the last moment before the cut is in westus now')
  const group = onlyGroup(await holdfastJson<Status>(stage, 'status'))
  const { protection, effectivePrimary, epoch } = group
  screen.good(
    `epoch ${epoch}: ${effectivePrimary} leads, ${east.member} is its copy (${protection})`,
  )
  screen.good(`replication point ${pointText(group)}`)
  return {
    ...{ salvaged, protection, effectivePrimary, epoch },
    conflicts: conflicts.map(({ object }) => object),
  }
}
