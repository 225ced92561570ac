import pLimit from 'p-limit'
import { object } from '../../../jobs/checkpoint-place.ts'
import { formatObjectId } from '../../../model/object-id.ts'
import { toRunError } from '../../../runbook/durable-engine.ts'
import type { Ending, Look, StepTools } from '../../../runbook/runbook.ts'
import { readFact, writeFact } from '../../facts.ts'
import type { FailedObject } from '../../outcomes.ts'
import type { DrillWorld } from '../../ports.ts'
import { type Copy, type EndpointCopies, endpointCopies } from './copies.ts'

/** As many as a failover makes at a time. */
const concurrency = 16

export async function copiesStand(world: DrillWorld, { signal }: StepTools): Promise<Look> {
  const made = await readFact(world, 'cold')
  if (made === undefined || (await readFact(world, 'copied')) === undefined) {
    return { done: false, detail: 'Not every copy was made yet.' }
  }
  const failed = new Set(made.failed.map((one) => one.object))
  for (const { endpoint, deployments } of await endpointCopies(world, signal)) {
    for (const { id } of [endpoint, ...deployments]) {
      if (failed.has(formatObjectId(id))) continue
      if ((await world.target.getObject(id, { signal })) === undefined) {
        return { done: false, detail: `${formatObjectId(id)} is not there yet.` }
      }
    }
  }
  return { done: true, detail: `Copies stand: ${made.wanted.length - made.failed.length}.` }
}

/** One that cannot be made is named and does not keep the others from being tried. */
export async function createCopies(
  world: DrillWorld,
  tools: StepTools,
): Promise<Ending | undefined> {
  const all = await endpointCopies(world, tools.signal)
  const wanted = all.flatMap((one) =>
    [one.endpoint, ...one.deployments].map(({ id }) => formatObjectId(id)),
  )
  await writeFact(world, 'cold', { wanted, failed: [] })
  const limit = pLimit(concurrency)
  let done = 0
  const results = await Promise.all(
    all.map((one) =>
      limit(async () => {
        const failed = await createOne(world, one, tools)
        tools.progress({ done: ++done, total: all.length, bytes: null })
        return failed
      }),
    ),
  )
  tools.signal.throwIfAborted()
  const failed = results.flat()
  await writeFact(world, 'cold', { wanted, failed })
  await writeFact(world, 'copied', { at: world.now().toISOString() })
  const [first] = failed
  if (first === undefined) return undefined
  return {
    partial: `Copies that could not be made: ${failed.length}, first ${first.object}: ${first.message}`,
  }
}

async function createOne(
  world: DrillWorld,
  { endpoint, deployments, traffic }: EndpointCopies,
  { signal }: StepTools,
): Promise<FailedObject[]> {
  const failed: FailedObject[] = []
  const attempt = async ({ id }: Copy, work: () => Promise<unknown>) => {
    try {
      await work()
    } catch (error) {
      const { code, message } = toRunError(error)
      failed.push({ object: formatObjectId(id), code, message })
    }
  }
  const { epoch } = world
  const put = ({ id, body }: Copy) =>
    attempt({ id, body }, async () => {
      if ((await world.target.getObject(id, { signal })) !== undefined) return
      await world.target.putObject(id, body, { epoch, signal })
    })
  await put(endpoint)
  if (failed.length > 0) return failed
  for (const deployment of deployments) await put(deployment)
  const lost = new Set(failed.map((one) => one.object))
  // Shares have to make a whole, so without one of its deployments the copy gets no traffic.
  if (lost.size > 0 || Object.keys(traffic).length === 0) return failed
  const properties = { ...object(endpoint.body.properties), traffic }
  await attempt(endpoint, () =>
    world.target.putObject(endpoint.id, { ...endpoint.body, properties }, { epoch, signal }),
  )
  return failed
}
