import { isCode } from '../../model/errors.ts'
import type { Look, StepTools } from '../../runbook/runbook.ts'
import type { StableEndpoint, StablePointer } from '../../traffic/stable-endpoint.ts'
import type { FailoverWorld } from '../ports.ts'
import { ownEpoch } from './own-epoch.ts'

/** How often, and every how many milliseconds, endpoints are looked at: half a minute in all. */
const followLooks = 60
const followLookMs = 500

/** Believes only what an outside look at the endpoint shows. */
export async function leadsToTarget(
  world: FailoverWorld,
  endpoints: readonly StableEndpoint[],
  tools: StepTools,
): Promise<Look> {
  const pointer = await pointerOf(world)
  const looks = await Promise.all(endpoints.map((endpoint) => leads(endpoint, pointer, tools)))
  const behind = endpoints.filter((_, index) => looks[index] !== true).map((each) => each.name)
  if (behind.length > 0) {
    return { done: false, detail: `Not led to ${pointer.member} yet: ${behind.join(', ')}.` }
  }
  const names = endpoints.map((endpoint) => endpoint.name).join(', ')
  return {
    done: true,
    detail:
      endpoints.length === 0
        ? 'There are none.'
        : `${names} ${endpoints.length === 1 ? 'leads' : 'lead'} to ${pointer.member}.`,
  }
}

export async function switchToTarget(
  world: FailoverWorld,
  endpoints: readonly StableEndpoint[],
  tools: StepTools,
): Promise<undefined> {
  if (endpoints.length === 0) return
  const pointer = await pointerOf(world)
  const target = {
    place: await world.target.describe({ signal: tools.signal }),
    ...(world.targetCaPath === undefined ? {} : { caPath: world.targetCaPath }),
  }
  await Promise.all(
    endpoints.map((endpoint) => endpoint.switchTo(pointer, target, { signal: tools.signal })),
  )
  // One that is just being restarted follows when it is back; whoever does not is seen by the look.
  for (let look = 0; look < followLooks; look += 1) {
    if ((await leadsToTarget(world, endpoints, tools)).done) return
    await world.sleep(followLookMs, tools.signal)
    tools.signal.throwIfAborted()
  }
}

async function pointerOf(world: FailoverWorld): Promise<StablePointer> {
  const { epoch } = await ownEpoch(world)
  return { member: world.target.name, epoch }
}

async function leads(
  endpoint: StableEndpoint,
  pointer: StablePointer,
  tools: StepTools,
): Promise<boolean> {
  const current = await endpoint.current({ signal: tools.signal })
  if (current?.member !== pointer.member || current.epoch !== pointer.epoch) return false
  try {
    await endpoint.verify(pointer, { signal: tools.signal })
    return true
  } catch (error) {
    if (isCode(error, 'traffic.not-switched')) return false
    throw error
  }
}
