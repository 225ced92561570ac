import type { Ending, Look, StepTools } from '../../../runbook/runbook.ts'
import { readFact, type WarmEndpoint, writeFact } from '../../facts.ts'
import type { DrillWorld } from '../../ports.ts'
import { trafficOf } from '../endpoint-traffic.ts'
import { askEndpoint } from '../warm-endpoints.ts'
import { endpointCopies } from './copies.ts'

const retryMs = 250

export async function copiesAnswer(world: DrillWorld): Promise<Look> {
  const looks = await readFact(world, 'endpoints')
  if (looks === undefined) return { done: false, detail: 'No copy was asked yet.' }
  const silent = looks.filter(({ answers }) => !answers)
  return { done: silent.length === 0, detail: sentence(silent.length === 0 ? looks : silent) }
}

/** Originals that take no requests have copies that need not answer any. */
export async function warmCopies(world: DrillWorld, tools: StepTools): Promise<Ending> {
  const limit = world.now().getTime() + world.warmLimitMs
  for (;;) {
    const looks = await askAll(world, tools)
    await writeFact(world, 'endpoints', looks)
    const silent = looks.filter(({ answers }) => !answers)
    tools.progress({ done: looks.length - silent.length, total: looks.length, bytes: null })
    if (silent.length === 0) return { done: sentence(looks) }
    if (world.now().getTime() >= limit) return { partial: sentence(silent) }
    await world.sleep(retryMs, tools.signal)
    tools.signal.throwIfAborted()
  }
}

async function askAll(world: DrillWorld, tools: StepTools): Promise<WarmEndpoint[]> {
  const copies = await endpointCopies(world, tools.signal)
  const served = copies.filter(({ traffic }) =>
    Object.values(traffic).some((share) => Number(share) > 0),
  )
  return Promise.all(
    served.map(async ({ endpoint }) => {
      const found = await world.target.getObject(endpoint.id, { signal: tools.signal })
      const name = endpoint.id.path[0] ?? ''
      if (found === undefined || Object.keys(trafficOf(found)).length === 0) {
        return { endpoint: name, answers: false, detail: `${name} has no deployment to ask.` }
      }
      return askEndpoint(world, found, tools)
    }),
  )
}

function sentence(looks: readonly WarmEndpoint[]): string {
  if (looks.length === 0) return 'No endpoint takes traffic at the source.'
  return looks.map(({ detail }) => detail).join(' ')
}
