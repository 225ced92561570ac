import { object } from '../../jobs/checkpoint-place.ts'
import { isHoldfastError } from '../../model/errors.ts'
import { parseObjectId } from '../../model/object-id.ts'
import type { Definition } from '../../replication/definitions.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { opened } from '../../workspace/sealing.ts'
import { ledgerDirection } from '../ledger-reads.ts'
import type { FailoverWorld } from '../ports.ts'
import { setProperties } from './object-changes.ts'
import { ownEpoch } from './own-epoch.ts'

export async function schedulesAreEnabled(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const off: string[] = []
  const wanted = await wantedSchedules(world)
  for (const definition of wanted) {
    if (!(await isEnabled(world, definition, tools))) off.push(definition.object)
  }
  if (off.length > 0) return { done: false, detail: `Schedules not enabled yet: ${off.length}.` }
  return { done: true, detail: `Schedules enabled: ${wanted.length}.` }
}

export async function enableSchedules(
  world: FailoverWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  const { epoch } = await ownEpoch(world)
  const refused: string[] = []
  for (const definition of await wantedSchedules(world)) {
    try {
      await enable(world, definition, epoch, tools)
    } catch (error) {
      const isRefusal = isHoldfastError(error) && error.kind === 'permanent'
      if (!isRefusal || error.code === 'epoch.stale') throw error
      refused.push(`${definition.object}: ${error.message}`)
    }
  }
  return refused.length === 0 ? undefined : { partial: refused.join('; ') }
}

/** Replicas of schedules are off; their definitions say whether the source had them on. */
async function wantedSchedules(world: FailoverWorld): Promise<Definition[]> {
  const wanted: Definition[] = []
  let after: string | undefined
  for (;;) {
    const page = await world.definitions.list(ledgerDirection(world), {
      kind: 'schedule',
      limit: 200,
      ...(after === undefined ? {} : { after }),
    })
    wanted.push(...page.filter((one) => object(one.body.properties).isEnabled !== false))
    if (page.length < 200) return wanted
    after = page.at(-1)?.object
  }
}

async function isEnabled(
  world: FailoverWorld,
  definition: Definition,
  tools: StepTools,
): Promise<boolean> {
  const found = await world.target.getObject(parseObjectId(definition.object), {
    signal: tools.signal,
  })
  return found !== undefined && object(found.body.properties).isEnabled !== false
}

async function enable(
  world: FailoverWorld,
  definition: Definition,
  epoch: number,
  tools: StepTools,
): Promise<void> {
  const { signal } = tools
  const id = parseObjectId(definition.object)
  const found = await world.target.getObject(id, { signal })
  if (found === undefined) {
    const body = await opened(world.target, definition.body, { signal })
    await world.target.putObject(id, body, { epoch, signal, condition: 'absent' })
  } else if (object(found.body.properties).isEnabled === false) {
    await setProperties(world.target, found, { isEnabled: true }, epoch, signal)
  }
}
