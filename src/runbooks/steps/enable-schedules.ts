import { isHoldfastError } from '../../model/errors.ts'
import type { JsonObject } from '../../model/json.ts'
import { parseObjectId } from '../../model/object-id.ts'
import type { Definition } from '../../replication/definitions.ts'
import { isScheduleOn, withSchedule } from '../../replication/standing-form.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import { opened } from '../../workspace/sealing.ts'
import { ledgerDirection } from '../ledger-reads.ts'
import type { FailoverWorld } from '../ports.ts'
import { quietMovesOf, schedulesOf, schedulesOff } from '../quiet-moves.ts'
import { setProperties } from './object-changes.ts'
import { ownEpoch } from './own-epoch.ts'

export async function schedulesAreEnabled(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const off: string[] = []
  const wanted = await wantedSchedules(world)
  for (const each of wanted) {
    if (!(await isEnabled(world, each, tools))) off.push(each.object)
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
  for (const wanted of await wantedSchedules(world)) {
    try {
      await enable(world, wanted, epoch, tools)
    } catch (error) {
      const isRefusal = isHoldfastError(error) && error.kind === 'permanent'
      if (!isRefusal || error.code === 'epoch.stale') throw error
      refused.push(`${wanted.object}: ${error.message}`)
    }
  }
  return refused.length === 0 ? undefined : { partial: refused.join('; ') }
}

interface Wanted {
  readonly object: string
  /** As it is to be at the target, sealed; undefined: no pass in this direction has seen it. */
  readonly body: JsonObject | undefined
}

/**
 * Replicas of schedules are off; their definitions say whether the source had them on. What a move
 * turned off there was on, whatever a pass has captured since (I7). One that stands nowhere here is
 * turned on when it is brought over.
 */
async function wantedSchedules(world: FailoverWorld): Promise<Wanted[]> {
  const { expectedEpoch, protection, group } = world
  const isProtected = (await protection.read(group))?.epoch === expectedEpoch
  const wasOn = await schedulesOnWhenLeft(world, isProtected)
  const defined = await definedSchedules(world)
  // Until the group is protected anew, a definition may be one of an earlier time in this direction.
  const isCurrent = ({ epoch }: Definition) => isProtected || epoch === expectedEpoch
  const known = new Set(defined.map(({ object }) => object))
  return [
    ...defined.filter(
      (each) => wasOn.has(each.object) || (isCurrent(each) && isScheduleOn(each.body)),
    ),
    ...[...wasOn].filter((each) => !known.has(each)).map((object) => ({ object, body: undefined })),
  ]
}

/**
 * Asked of the source by the moves out of this epoch. A source that none of them reached, and that
 * was never protected while it led, told nothing: then the last that is known is what was on at the
 * target when that was left (I7).
 */
async function schedulesOnWhenLeft(
  world: FailoverWorld,
  isProtected: boolean,
): Promise<ReadonlySet<string>> {
  const moves = await quietMovesOf(world, world.expectedEpoch)
  if (moves.length > 0 || isProtected) return schedulesOf(moves)
  return schedulesOff(world, world.expectedEpoch - 1)
}

async function definedSchedules(world: FailoverWorld): Promise<Definition[]> {
  const defined: Definition[] = []
  let after: string | undefined
  for (;;) {
    const page = await world.definitions.list(ledgerDirection(world), {
      kind: 'schedule',
      limit: 200,
      ...(after === undefined ? {} : { after }),
    })
    defined.push(...page)
    if (page.length < 200) return defined
    after = page.at(-1)?.object
  }
}

async function isEnabled(
  world: FailoverWorld,
  { object, body }: Wanted,
  { signal }: StepTools,
): Promise<boolean> {
  const found = await world.target.getObject(parseObjectId(object), { signal })
  return found === undefined ? body === undefined : isScheduleOn(found.body)
}

async function enable(
  { target }: FailoverWorld,
  wanted: Wanted,
  epoch: number,
  { signal }: StepTools,
): Promise<void> {
  const id = parseObjectId(wanted.object)
  const found = await target.getObject(id, { signal })
  if (found !== undefined) {
    if (!isScheduleOn(found.body))
      await setProperties(target, found, { isEnabled: true }, epoch, signal)
  } else if (wanted.body !== undefined) {
    const body = withSchedule(await opened(target, wanted.body, { signal }), true)
    await target.putObject(id, body, { epoch, signal, condition: 'absent' })
  }
}
