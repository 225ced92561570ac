import { object } from '../../jobs/checkpoint-place.ts'
import { toRunError } from '../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../runbook/runbook.ts'
import type { WorkspaceObject } from '../../workspace/workspace.ts'
import { type WarmEndpoint, writeFact } from '../facts.ts'
import type { FailoverWorld } from '../ports.ts'
import { endpointsWithTraffic } from './endpoint-traffic.ts'

const retryMs = 250
/** The front answered, but no deployment behind it did. Any other answer came from a scoring script. */
const noDeploymentAnswered = new Set([404, 408, 429, 501, 502, 503, 504])

export async function endpointsAnswer(world: FailoverWorld, tools: StepTools): Promise<Look> {
  const looks = await askAll(world, tools)
  const silent = looks.filter((look) => !look.answers)
  if (silent.length > 0) {
    return { done: false, detail: silent.map((look) => look.detail).join(' ') }
  }
  await writeFact(world, 'endpoints', looks)
  return {
    done: true,
    detail:
      looks.length === 0
        ? 'No endpoint takes traffic at the target.'
        : looks.map((look) => look.detail).join(' '),
  }
}

/** Waits for deployments to come up. One that does not is named and does not hold the others back. */
export async function warmEndpoints(world: FailoverWorld, tools: StepTools): Promise<Ending> {
  const limit = world.now().getTime() + world.warmLimitMs
  for (;;) {
    const looks = await askAll(world, tools)
    await writeFact(world, 'endpoints', looks)
    const silent = looks.filter((look) => !look.answers)
    tools.progress({ done: looks.length - silent.length, total: looks.length, bytes: null })
    if (silent.length === 0) return { done: looks.map((look) => look.detail).join(' ') }
    if (world.now().getTime() >= limit) {
      return { partial: silent.map((look) => look.detail).join(' ') }
    }
    await world.sleep(retryMs, tools.signal)
  }
}

async function askAll(world: FailoverWorld, tools: StepTools): Promise<WarmEndpoint[]> {
  const endpoints = await endpointsWithTraffic(world.target, tools.signal)
  return Promise.all(endpoints.map((endpoint) => askEndpoint(world, endpoint, tools)))
}

export async function askEndpoint(
  world: Pick<FailoverWorld, 'target'>,
  endpoint: WorkspaceObject,
  tools: StepTools,
): Promise<WarmEndpoint> {
  const name = endpoint.id.path[0] ?? ''
  const state = object(endpoint.body.properties).provisioningState
  if (state !== undefined && state !== 'Succeeded') {
    return { endpoint: name, answers: false, detail: `${name} is ${String(state)}.` }
  }
  try {
    const answer = await world.target.invokeEndpoint(name, new TextEncoder().encode('{}'), {
      signal: tools.signal,
    })
    const deployment = answer.deployment === undefined ? '' : ` (${answer.deployment})`
    return {
      endpoint: name,
      answers: !noDeploymentAnswered.has(answer.status),
      detail: `${name}${deployment} answers with ${answer.status}.`,
    }
  } catch (error) {
    tools.signal.throwIfAborted()
    return { endpoint: name, answers: false, detail: `${name}: ${toRunError(error).message}` }
  }
}
